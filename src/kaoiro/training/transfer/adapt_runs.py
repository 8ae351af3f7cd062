"""Adaptation measured on people that nothing was learned from, beside training on everything together.

Each run draws pictures of a target, makes the whole choice as `kaoiro adapt` does, and then asks every candidate,
learned from all pictures, about the people kept apart. What is finished is kept in a folder and not done again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kaoiro.core.errors import DataError
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.splits import part_of
from kaoiro.evaluation.adapt_figures import ADAPTED, Answer, Asked
from kaoiro.evaluation.progress import followed
from kaoiro.metrics.calibration import fit_temperature
from kaoiro.training.adapting import start
from kaoiro.training.adapting.adapt import AdaptConfig, Chosen, chosen
from kaoiro.training.adapting.candidates import FIRST, TUNED, Bench
from kaoiro.training.adapting.start import Start, look
from kaoiro.training.adapting.tuning import answers
from kaoiro.training.transfer import kept, rivals, targets
from kaoiro.training.transfer.lots import Lot, drawn, selected
from kaoiro.training.transfer.rivals import RIVALS, Web
from kaoiro.training.transfer.targets import NAMES, Roots, Target

Tell = Callable[[str], None]
LAYOUT = 1
"""Of kept answers; counts up when code, not settings, changes what they hold."""


@dataclass(frozen=True)
class Order:
    """What is measured.

    Attributes:
        roots: folders of the targets; that of FER2013 is learned from by rivals, too.
        out: folder that keeps crops and answers.
        targets: names.
        pictures: to learn from.
        seeds: draws of pictures.
        rival_seeds: of these, how many are also given to rivals.
        curve: further numbers of pictures, of the first target, with the first seed.
        threads: of processors; None leaves it to the libraries.
        training: whether runs that lack are made, or only those reported that are finished.
    """

    roots: Roots
    out: Path
    targets: tuple[str, ...] = NAMES
    pictures: int = 200
    seeds: int = 3
    rival_seeds: int = 3
    curve: tuple[int, ...] = ()
    threads: int | None = None
    training: bool = True


@dataclass(frozen=True)
class Run:
    """One run: target, method, seed, and number of pictures to learn from."""

    target: str
    method: str
    seed: int
    pictures: int


def plan(order: Order) -> list[Run]:
    """Return all runs, in their order."""
    found = []
    for name in order.targets:
        for seed in range(order.seeds):
            methods = (ADAPTED, *(RIVALS if seed < order.rival_seeds else ()))
            found += [Run(name, method, seed, order.pictures) for method in methods]
    return found + [Run(order.targets[0], ADAPTED, 0, count) for count in order.curve if count != order.pictures]


class Runs:
    """Runs of one model.

    Args:
        model: that is adapted.
        order: what is measured.

    Raises:
        DataError: a folder is not named, or what is in it is not in the documented layout.
        InputError: a model that cannot be adapted.
    """

    def __init__(self, model: ModelFolder, order: Order) -> None:
        self._begun, self._order = start.opened(model), order
        if any(run.method in RIVALS for run in plan(order)) and order.roots.fer2013 is None:
            raise DataError(
                "training on everything together learns from FER2013: name its folder by --fer2013, or give "
                "--rival-seeds 0"
            )
        if order.threads is not None:
            torch.set_num_threads(order.threads)
        self.targets = {name: self._target(name) for name in order.targets}

    @cached_property
    def _web(self) -> Web:
        root = self._order.roots.fer2013
        assert root is not None
        return rivals.web(root, self._begun.part.specification.size)

    def _target(self, name: str) -> Target:
        """Return a target; of DiffusionFER only the half on which nothing is chosen."""
        size = self._begun.part.specification.size
        found = targets.load(name, self._order.roots, size, self._order.out / "targets", "PublicTest")
        if name != "generated":
            return found
        half = selected(found, np.array([part_of(group) == "report" for group in found.groups.tolist()]))
        return replace(half, about=f"{found.about} Of these the half on which nothing was chosen, {len(half)}.")

    def make(self, tell: Tell) -> None:
        """Make all runs that lack.

        Raises:
            KeyboardInterrupt: stopped; the same call goes on with the next run.
        """
        runs = plan(self._order)
        for run in followed(runs, len(runs), "runs"):
            path, lot = self._place(run)
            if kept.read(path) is None:
                answer = self._made(run, lot)
                kept.write(path, answer.scores, answer.facts)
                tell(f"{run.target}, {run.method}, seed {run.seed}, {run.pictures} pictures: {_told(answer, lot)}")

    def finished(self, pictures: int | None = None) -> Iterator[tuple[str, Asked]]:
        """Yield the targets with the runs that are finished; those without any adaptation are left out.

        Args:
            pictures: that were to be learned from; None is the order's number.
        """
        count = self._order.pictures if pictures is None else pictures
        for name, target in self.targets.items():
            answers, asked = {}, None
            for run in (run for run in plan(self._order) if (run.target, run.pictures) == (name, count)):
                path, lot = self._place(run)
                found, asked = kept.read(path), lot.asked
                if found is not None:
                    answers[run.method, run.seed] = Answer(*found)
            if asked is not None and any(method == ADAPTED for method, _ in answers):
                yield name, Asked(target.about, target.labels, asked.truth, asked.groups, answers)

    def _place(self, run: Run) -> tuple[Path, Lot]:
        lot = drawn(self.targets[run.target], self._begun.part.specification, run.pictures, run.seed)
        name = f"{run.target}-{run.pictures}-{run.method}-{run.seed}-{_key(self._begun, run, lot)}.npz"
        return self._order.out / "answers" / name, lot

    def _made(self, run: Run, lot: Lot) -> Answer:
        if run.method == ADAPTED:
            return _adapted(self._begun, lot, run, self._order.threads)
        faces = self._web
        wall, processor = time.perf_counter(), time.process_time()
        oversampled = run.method == rivals.OVERSAMPLED
        scores, facts = rivals.trained(self._begun, lot, faces, oversampled, run.seed)
        return Answer({run.method: scores}, {"pictures": len(lot.learned), **facts, "seconds": _spent(wall, processor)})


def _key(begun: Start, run: Run, lot: Lot) -> str:
    """Return a name for a run, equal exactly if everything is that the result depends on."""
    settings = rivals.CONFIG if run.method in RIVALS else dict(TUNED)
    told = [LAYOUT, begun.part.digest, run.method, run.seed, repr(settings), FIRST, lot.learned.labels]
    found = hashlib.blake2b(repr(told).encode(), digest_size=12)
    for one in (lot.learned, lot.asked):
        found.update(one.crops.tobytes() + one.truth.tobytes() + "\0".join(map(str, one.groups)).encode())
    return found.hexdigest()


def _adapted(begun: Start, lot: Lot, run: Run, threads: int | None) -> Answer:
    """Return what every candidate says, and which is taken."""
    wall, processor = time.perf_counter(), time.process_time()
    own, config = lot.learned, AdaptConfig("whole", seed=run.seed, threads=threads)
    bench = Bench(begun, own, look(begun, own.crops, own.labels, threads), run.seed)
    made = chosen(bench, config)
    every = np.arange(len(own))
    asked = Bench(begun, lot.asked, look(begun, lot.asked.crops, own.labels, threads), run.seed)
    scores = {made.taken: _asked(bench, asked, made.taken, every)}
    facts = _facts(made, lot) | {"seconds": _spent(wall, processor)}
    scores |= {name: _asked(bench, asked, name, every) for name in made.names if name != made.taken}
    return Answer({name: scores[name] for name in made.names}, facts)


def _asked(bench: Bench, asked: Bench, name: str, rows: np.ndarray) -> np.ndarray:
    """Return what a candidate that learned from one bench's rows says of all pictures of another."""
    if name in TUNED:
        return answers(bench.model(name, rows), asked.material.crops)
    return bench.layer(name, rows).scores(asked.seen.features, asked.seen.raw)


def _facts(made: Chosen, lot: Lot) -> dict[str, Any]:
    choice, truth = made.choice, lot.learned.truth
    return {
        "pictures": len(lot.learned),
        "groups": len(np.unique(lot.learned.groups)),
        "taken": made.taken,
        "before": choice.before,
        "before interval": list(choice.before_interval),
        "after": choice.after,
        "after interval": list(choice.after_interval),
        "gain": choice.gain,
        "gain interval": list(choice.gain_interval),
        "shares": dict(zip(made.names, choice.taken, strict=True)),
        "folds": {name: float((one.argmax(axis=1) == truth).mean()) for name, one in made.scores.items()},
        "temperatures": {name: fit_temperature(one, truth) for name, one in made.scores.items()},
    }


def _spent(wall: float, processor: float) -> dict[str, float]:
    return {"clock": time.perf_counter() - wall, "processor": time.process_time() - processor}


def _told(answer: Answer, lot: Lot) -> str:
    right = {name: float((one.argmax(axis=1) == lot.asked.truth).mean()) for name, one in answer.scores.items()}
    taken = f"{answer.facts['taken']} taken; " if "taken" in answer.facts else ""
    shown = ", ".join(f"{name} {value:.3f}" for name, value in right.items())
    return f"{taken}{shown}; {answer.facts['seconds']['processor']:.0f} s of the processor"
