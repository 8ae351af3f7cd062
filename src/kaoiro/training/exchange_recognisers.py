"""The source's future work on finished runs: recognisers on the code of expression beside the same trunk on pixels.

Layout:   FOLDER/ARM-SHARE-seedN.json     what one recogniser answered; FOLDER is the run's own
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.files import write_text
from kaoiro.data.subjects import People
from kaoiro.evaluation import measured
from kaoiro.evaluation.measured import Measured
from kaoiro.evaluation.progress import followed
from kaoiro.evaluation.recogniser_tables import CLAIMED
from kaoiro.training.latents import Learned
from kaoiro.training.recogniser import RecogniserConfig, Recognisers, Trial, arms_of, trials

ROWS = CLAIMED
"""Recipes whose codes are built on."""
FOLDER = "recognisers"
Rows = dict[str, list[Measured]]


def of_run(learned: Learned, people: People, config: RecogniserConfig, run: Path) -> None:
    """Learn and measure the recognisers of a run that are not there yet.

    Args:
        learned: its network.
        people: that it learned from, with labels, and those that it did not.
        config: of the recognisers.
        run: its folder.

    Raises:
        InputError: a loss that is no number, or people without labels.
    """
    wanted = [trial for trial in _trials(learned, config) if not _file(run, trial).is_file()]
    if not wanted:
        return
    asked = Recognisers(learned, people, config)
    for trial in followed(wanted, len(wanted), "recognisers"):
        content = {"config": _told(config), "found": asked.measured(trial).stored()}
        write_text(_file(run, trial), json.dumps(content))


def stored(learned: Learned, config: RecogniserConfig, run: Path) -> Rows:
    """Return what is measured of a run, by row, one for each seed; nothing where some of it lacks.

    Raises:
        DataError: a file is damaged, or of recognisers with other settings.
    """
    wanted, found = _trials(learned, config), Rows()
    if not all(_file(run, trial).is_file() for trial in wanted):
        return {}
    for trial in wanted:
        found.setdefault(trial.row, []).append(_restored(_file(run, trial), config))
    return found


def _trials(learned: Learned, config: RecogniserConfig) -> list[Trial]:
    return trials(config, arms_of(learned.network.expression))


def _file(run: Path, trial: Trial) -> Path:
    return run / FOLDER / f"{trial.arm}-{trial.fraction:g}-seed{trial.seed}.json"


def _told(config: RecogniserConfig) -> dict[str, Any]:
    return {"steps": config.steps, "batch": config.batch, "rates": list(config.rates)}


def _restored(file: Path, config: RecogniserConfig) -> Measured:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        same, found = content["config"] == _told(config), measured.restored(content["found"])
    except (OSError, ValueError, KeyError, TypeError, InputError) as error:
        raise DataError(f"{file} is damaged; remove it to learn this recogniser again") from error
    if not same:
        raise DataError(f"{file} is of a recogniser with other settings; remove {file.parent} to learn all anew")
    return found
