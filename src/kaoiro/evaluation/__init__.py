"""Measured figures, each by one function and one command, through the path that users run."""
