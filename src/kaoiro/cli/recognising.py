"""Whose face counts, by a photo: options that commands on recordings ask alike, and what they tell of the answer."""

from __future__ import annotations

import argparse
from typing import Any

from kaoiro.cli.numbers import positive


def add_recognising(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    text = "find the speaker by a photo: the tracks that show this person, in the video beside the records"
    parser.add_argument("--speaker", metavar="PHOTO", help=text)
    text = "a face recogniser, which compares them (ArcFace's kind, SFace); kaoiro ships none, and stores no embedding"
    parser.add_argument("--recogniser", metavar="FILE.onnx", help=text)
    text = "cosine from which a face is the same person (default: the recogniser's own, else 0.363)"
    parser.add_argument("--same-from", type=positive, metavar="COSINE", help=text)


def recognising(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options as the functions in Python take them."""
    return {name: getattr(arguments, name) for name in ("speaker", "recogniser", "same_from")}


def chosen_words(choice: Any) -> str:
    """Return how the speaker was chosen, for a line; a `recognised.Choice`."""
    spread = f"{choice.least:.2f} to {choice.similarity:.2f}" if len(choice.tracks) > 1 else f"{choice.similarity:.2f}"
    other = "no other face" if choice.next_best is None else f"next best other face {choice.next_best:.2f}"
    beside = "".join(f"; track {track} is alike, but seen at the same time" for track in choice.beside)
    return f"chosen by photo: similarity {spread}, {other}{beside}"
