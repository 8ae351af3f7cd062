"""Errors that a user can act on: what is wrong, where, and what to do next."""

from __future__ import annotations


class KaoiroError(Exception):
    """Root of all errors that kaoiro raises on purpose.

    The command line prints the message as one line and exits with code 2.
    """


class InputError(KaoiroError):
    """A picture, video, archive, array or table that cannot be used."""


class OutputError(KaoiroError):
    """A result that cannot be written."""


class ModelError(KaoiroError):
    """A model folder that is missing, damaged or of another format."""


class LabelError(KaoiroError):
    """A label outside its vocabulary, or vocabularies that cannot be mapped."""


class DataError(KaoiroError):
    """A data set whose files are missing or not in the documented layout."""


class MissingExtra(KaoiroError):
    """A command that needs an optional part of the installation."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs the extra [{extra}]: pip install "kaoiro[{extra}]"')


class TruncatedVideo(InputError):
    """A video that broke off; what could be decoded before that was delivered."""


class TruncatedVideoWarning(UserWarning):
    """A table or figure that lacks the end of a video that broke off."""
