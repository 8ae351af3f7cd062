"""Run jobs with doubles that are quick and whose answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kaoiro import Analyzer
from kaoiro.core.types import Box
from kaoiro.faces.detect import Detection
from kaoiro.inference.job import Job, Options, Outcome
from kaoiro.inference.media import discover


class Middle:
    """Takes the middle of every picture that is not black for a face."""

    def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
        return width, height

    def detect(self, image: np.ndarray) -> list[Detection]:
        height, width = image.shape[:2]
        return [Detection(Box(width / 4, height / 4, width / 2, height / 2), 0.75)] if image.max() > 40 else []


class Counting(Analyzer):
    """Counts what it is asked to measure."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.asked: list[str] = []

    def image(self, source: Any, **options: Any) -> Any:
        self.asked.append(Path(options["name"]).name)
        return super().image(source, **options)

    def video(self, path: Any, **options: Any) -> Any:
        self.asked.append(Path(options["name"]).name)
        return super().video(path, **options)


def run(
    analyzer: Analyzer, given: Path, out: Path, settings: dict[str, Any] | None = None, **options: Any
) -> list[Outcome]:
    job = Job(analyzer, out, Options(**options), settings)
    outcomes = [job.run(item) for item in discover([str(given)], skip=out)]
    job.combine()
    return outcomes


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def statuses(outcomes: list[Outcome]) -> list[str]:
    return [outcome.status for outcome in outcomes]
