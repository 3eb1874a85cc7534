"""For those who write stages: prove a stage, start a new one, build the learners' wheel."""
