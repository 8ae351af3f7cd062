"""Numbers on the command line, refused with a reason where they make no sense."""

from __future__ import annotations

import argparse
import contextlib


def positive(text: str) -> float:
    """Return a positive, finite number."""
    with contextlib.suppress(ValueError):
        if 0 < (value := float(text)) < float("inf"):
            return value
    raise argparse.ArgumentTypeError(f"must be a positive number, not {text}")


def count(text: str) -> int:
    """Return a whole number of 1 or more."""
    with contextlib.suppress(ValueError):
        if (value := int(text)) >= 1:
            return value
    raise argparse.ArgumentTypeError(f"must be a whole number of 1 or more, not {text}")


def whole(text: str) -> int:
    """Return a whole number of 0 or more."""
    with contextlib.suppress(ValueError):
        if (value := int(text)) >= 0:
            return value
    raise argparse.ArgumentTypeError(f"must be a whole number of 0 or more, not {text}")


def strength(text: str) -> float:
    """Return how strongly an expression is carried over: 0 to 3, as `inference.exchange.STRONGEST` says."""
    with contextlib.suppress(ValueError):
        if 0 <= (value := float(text)) <= 3:
            return value
    raise argparse.ArgumentTypeError(f"must be a number from 0 to 3, not {text}")
