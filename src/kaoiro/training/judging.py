"""The judge of a reproduction: given by a person, or learned from rendered people of another seed.

Layout:   FOLDER/judge.json    what it learned from, and its SHA-256; written last
          FOLDER/signal.pt     the checkpoint (`training.signal`)
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.faces import Faces
from kaoiro.core.files import replacing, sha256, write_text, writing
from kaoiro.data.datasets import synthetic
from kaoiro.evaluation.renders import renders
from kaoiro.training.exchange_sets import CROP
from kaoiro.training.judge import SignalJudge, restored
from kaoiro.training.signal import Signal, SignalConfig, aligned

NOTE, CHECKPOINT, PEOPLE = "judge.json", "signal.pt", "syn-mt"
"""`PEOPLE`: a set of others than those who are swapped, at a level of nuisance above theirs."""
EVERY = 2
"""Of its frames, each so many: neighbours of 25 a second hardly differ."""


def read(folder: Path) -> dict[str, Any] | None:
    """Return what is known of the judge in a folder; None where there is none yet.

    Raises:
        DataError: judge.json is damaged.
    """
    file = folder / NOTE
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {"learned from": str(content["learned from"]), "sha256": str(content["sha256"])}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is damaged; remove it to take or train a judge anew") from error


def ready(folder: Path, given: Path | None, config: SignalConfig) -> bool:
    """Tell whether a judge need not be trained.

    Args:
        folder: of the judge.
        given: checkpoint that a person named, or None.
        config: of the training.

    Raises:
        InputError: the folder has another judge than the given one.
        DataError: what is given is no judge, or judge.json is damaged.
    """
    stored = read(folder)
    if given is None:
        return stored is not None
    if not restored(given, config).knows(CROP):
        raise DataError(f"{given} learned from faces that lie otherwise than in crops '{CROP.name}'; leave --judge out")
    if stored is not None and stored["sha256"] != sha256(given):
        raise InputError(f"swaps in {folder.parent} were judged by another network than {given}; leave --judge out")
    return True


def judge(
    folder: Path, given: Path | None, config: SignalConfig, people: Path, tell: Callable[[str], None] = print
) -> SignalJudge:
    """Return the judge of a folder; it is copied or trained first where it is not there yet.

    Args:
        folder: of the judge.
        given: checkpoint that a person named, or None.
        config: of the training.
        people: a set of `PEOPLE`, which a judge learns from that is not there yet.
        tell: told of every epoch.

    Raises:
        InputError: the folder has another judge than the given one.
        DataError: what is given or stored is no judge, or there are no other people to learn from.
    """
    if not ready(folder, given, config):
        _train(folder, config, people, tell)
    elif read(folder) is None:
        assert given is not None
        with replacing(folder / CHECKPOINT) as partial, writing(folder / CHECKPOINT):
            shutil.copyfile(given, partial)
        _note(folder, "a checkpoint that was given")
    return restored(folder / CHECKPOINT, config)


def _train(folder: Path, config: SignalConfig, root: Path, tell: Callable[[str], None]) -> None:
    data = synthetic.read(root)
    if data.settings.get("set") != PEOPLE:
        raise DataError(f"{data.root} must be a set of {PEOPLE}: a judge has seen nobody who is swapped")
    rows = data.select("train", "training")[::EVERY]
    if len(rows) < config.batch:
        raise DataError(f"{data.root} has {len(rows)} frames to train on, fewer than a batch of {config.batch}")
    frames = aligned(data, rows, "frames for the judge", crop=CROP)
    tell(f"the judge of swaps learns from {len(frames)} frames of other people")
    people = sorted(set(frames.subjects.tolist()))
    of = str(data.settings.get("finished", {}).get("sha256"))
    Signal(config, people).fit(frames, folder / CHECKPOINT, lambda line: tell(f"judge: {line}"), of)
    about = f"{len(frames)} frames of {len(people)} other people of {PEOPLE}, seed {data.settings.get('seed')}"
    _note(folder, about)


def _note(folder: Path, about: str) -> None:
    content = {"learned from": about, "sha256": sha256(folder / CHECKPOINT)}
    write_text(folder / NOTE, json.dumps(content, indent=1))


def error(one: SignalJudge, faces: Faces) -> float:
    """Return the mean error of intensities (0-1) that a judge reads off true renders, faces of syn-swap."""
    data = renders(faces)
    pixels = data.flat(data.pixels)
    return float(np.abs(one.units(pixels) - data.flat(data.units)).mean())
