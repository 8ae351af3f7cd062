"""Aff-Wild2: videos from YouTube, each frame with an expression, valence and arousal, or action units (ABAW).

Source:   Kollias and Zafeiriou, "Aff-Wild2: Extending the Aff-Wild Database for Affect Recognition", arXiv 1811.07770;
          Kollias, "ABAW: Valence-Arousal Estimation, Expression Recognition, Action Unit Detection", CVPR Workshops
          2022; sites.google.com/view/dimitrioskollias/databases/aff-wild2.
Classes:  by the first line of each file: Neutral, Anger, Disgust, Fear, Happiness, Sadness, Surprise and, from 2022 on,
          Other; other and -1 (not labelled) are left out and counted.
Layout:   ROOT, or folders in it:
              cropped_aligned/VIDEO/00001.jpg                        112 by 112 pixels, none where no face was found
              EXPR_Set/Train_Set/VIDEO.txt, Validation_Set/…         a number in each line, of frame 1, 2, …
              VA_Set/…                                               valence,arousal from -1 to 1; -5 is none
              AU_Set/…                                               AU1,…,AU26: 0 or 1; -1 is none
          Folders are also called EXPR_Classification_Challenge and so on, in the later competitions, and Training_Set.
          A row is a frame; valence, arousal and units are taken from the other files of the same video, whichever part
          those are in: the parts of the three tasks differ, so a video to validate one may be one to learn another.
Persons:  unknown: a person may be in several videos. Of two people in a video there are VIDEO_left and VIDEO_right
          (unconfirmed: that there are no other such endings); both are of one group, VIDEO.
Splits:   official training and validation; labels of the test part are not handed out.
Licence:  research, by a signed agreement of somebody with a permanent position.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from kaoiro.core.errors import DataError
from kaoiro.core.labels import ACTION_UNITS, EXPRESSIONS, canonical
from kaoiro.data.datasets.listing import Presence, files, lines, meaning, needed, numbers, subfolders
from kaoiro.data.labelled_set import LabelledSet, LeftOut, Row, Span, gathered

FRAMES = ("cropped_aligned", "cropped")
SPLITS = ("train", "val")
_SIDE = re.compile(r"_(left|right)$")
_DEEPEST = 2  # folders between the root and those of the tasks


def read(root: Path) -> LabelledSet:
    """Read the frames that have a label of expression: parts, videos and frames in order.

    Raises:
        DataError: files are missing or not in the documented layout.
    """
    frames, tasks = needed(root, "Aff-Wild2", *FRAMES), {name: _texts(root, name) for name in ("EXPR", "VA", "AU")}
    if not tasks["EXPR"]:
        raise DataError(
            f"{root} has no EXPR_Set/Train_Set/VIDEO.txt, nor EXPR_Classification_Challenge/…; unpack the labels there"
        )
    others = [{path.name: path for _, path in tasks[name]} for name in ("VA", "AU")]
    return gathered(
        "aff-wild2",
        root,
        (row for split, path in tasks["EXPR"] for row in _rows(split, path, frames, *others)),
    )


def _texts(root: Path, task: str) -> list[tuple[str, Path]]:
    """Return the files of a task's parts with the part each is in."""
    return [
        (split, path)
        for folder in _tasks(root, task, _DEEPEST)
        for split in SPLITS
        for part in subfolders(folder)
        if part.name.lower().startswith(split)
        for path in files(part, (".txt",))
    ]


def _tasks(root: Path, task: str, depth: int) -> Iterator[Path]:
    for inner in subfolders(root):
        if inner.name.startswith(f"{task}_"):
            yield inner
        elif depth and inner.name not in FRAMES:
            yield from _tasks(inner, task, depth - 1)


def _rows(
    split: str, path: Path, frames: Path, affects: Mapping[str, Path], unit_files: Mapping[str, Path]
) -> Iterator[Row | LeftOut]:
    video, group = frames / path.stem, _SIDE.sub("", path.stem)
    codes, values = _expressions(path)
    affect, units = _affect(affects.get(path.name)), _units(unit_files.get(path.name))
    there = Presence()
    for number, (where, code) in enumerate(values, start=1):
        label, picture = meaning(code, codes, where), video / f"{number:05d}.jpg"
        if isinstance(label, LeftOut):
            yield label
        elif picture not in there:
            yield LeftOut("frames without a face cut out")
        else:
            name, span = f"{path.stem}/{picture.name}", Span(video, number, number)
            known = affect.get(number), units.get(number)
            yield Row(name, label, picture, "", group, split, span, None, *known)


def _expressions(path: Path) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return what the codes of a file mean, and its lines below the first."""
    _, *values = written = list(lines(path)) or [(f"{path}, line 1", "")]
    names = [canonical(name) for name in written[0][1].split(",")]
    if not set(names) <= {*EXPRESSIONS.labels, "other"}:
        raise DataError(f"{written[0][0]}: must name the expressions (Neutral,Anger,…); found {written[0][1]!r}")
    codes = {str(code): name if name in EXPRESSIONS.labels else "other expressions" for code, name in enumerate(names)}
    return codes | {"-1": "frames without a label"}, values


def _affect(path: Path | None) -> dict[int, tuple[float, float]]:
    """Return valence and arousal of the frames that have both."""
    found = {}
    for number, (where, line) in enumerate(() if path is None else list(lines(path))[1:], start=1):
        valence, arousal = numbers(line, 2, where, ",")
        if -1 <= valence <= 1 and -1 <= arousal <= 1:
            found[number] = valence, arousal
    return found


def _units(path: Path | None) -> dict[int, Mapping[str, float]]:
    """Return the units that are known of each frame."""
    (_, header), *rest = [("", "")] if path is None else list(lines(path)) or [("", "")]
    names = tuple(f"au_{int(name[2:]):02d}" for name in header.split(",") if re.fullmatch(r"AU\d+", name.strip()))
    if rest and not (names and set(names) <= set(ACTION_UNITS.labels)):
        raise DataError(f"{path}, line 1: must name action units (AU1,AU2,…); found {header!r}")
    return {
        number: _scored(names, tuple(numbers(line, len(names), where, ",")))
        for number, (where, line) in enumerate(rest, start=1)
    }


@cache
def _scored(names: tuple[str, ...], values: tuple[float, ...]) -> Mapping[str, float]:
    """Return units with their values; frames with the same ones share them, for there are a million."""
    return {name: value for name, value in zip(names, values, strict=True) if value in (0, 1)}
