"""Views of a report, each built anew from what it may say; never the report with parts hidden."""

from .learner import learner_view

__all__ = ["learner_view"]
