"""The grader: sandbox, worker protocol, suites, timing, scoring, reports, ledger and batches."""
