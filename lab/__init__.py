"""The application: the command line, the terminal app, the workspace and the submission client."""

from grader import __version__

__all__ = ["__version__"]
