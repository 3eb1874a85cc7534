"""The grader: sandbox, worker protocol, suites, timing, scoring, reports, ledger and batches."""

__version__ = "0.1.0"
