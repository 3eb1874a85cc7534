"""The application: the command line, the terminal app, the workspace and the submission client."""

__version__ = "0.1.0"
