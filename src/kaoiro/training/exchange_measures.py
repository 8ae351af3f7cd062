"""What is measured of a finished run of system B, and kept beside it: codes, iterations, swaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kaoiro.core.codes import Codes, deviations
from kaoiro.core.faces import Faces
from kaoiro.core.labels import EXPRESSION, FER2013
from kaoiro.evaluation import separation, swapping
from kaoiro.evaluation.exchange_tables import MEANLESS
from kaoiro.evaluation.measured import Measured, per_person
from kaoiro.evaluation.renders import SwapConfig
from kaoiro.evaluation.separation import CLUSTERING, SeparationConfig
from kaoiro.families.identity_expression.objective import Diverged
from kaoiro.metrics import clustering
from kaoiro.training import snapshots
from kaoiro.training.exchange_sets import Sets
from kaoiro.training.judge import SignalJudge
from kaoiro.training.latents import Learned

TRAIN, TEST, SWAPS = "train", "test", "swaps"
CURVED = ("iterated",)
"""Recipes that are measured after every iteration, for figure 3."""
ENDS = "expression"
"""The kind of stage with which an iteration ends."""
Found = dict[str, dict[str, Measured]]
"""What was measured of one run: by row of the tables, then by part."""


@dataclass(frozen=True, eq=False)
class Bench:
    """What runs are measured on and with.

    Attributes:
        sets: rendered people.
        judge: of swaps; called when it is needed.
        separation: how codes are looked at.
        swapping: how many swaps.
    """

    sets: Sets
    judge: Callable[[], SignalJudge]
    separation: SeparationConfig
    swapping: SwapConfig

    def parts(self, learned: Learned, fold: int) -> dict[str, Faces]:
        """Return the faces that a run is asked about; one that must be told who it sees knows training people only."""
        people = self.sets.people(fold, learned.side)
        return {TRAIN: people.seen} | ({} if learned.network.subjects else {TEST: people.unseen})


def codes_of(learned: Learned, faces: Faces) -> Codes:
    """Return the codes of N faces; a network that is told who it sees is told, and that is no code of its own.

    Raises:
        Diverged: the codes are no finite numbers.
    """
    codes = learned.encode(faces.pixels, faces.subjects)
    if not (np.isfinite(codes.identity).all() and np.isfinite(codes.expression).all()):
        raise Diverged("the codes are no finite numbers: nothing was learned")
    told = learned.network.subjects > 0 or learned.network.config.painted > 0  # of the latter z_i is a picture
    return Codes(codes.identity[:, :0], codes.expression) if told else codes


def separated(bench: Bench, learned: Learned, recipe: str, fold: int, folder: Path) -> Found:
    """Measure what codes hold; of the plain autoencoder also without the mean of each person (row 7)."""
    del folder
    found: Found = {}
    for part, faces in bench.parts(learned, fold).items():
        codes = codes_of(learned, faces)
        found.setdefault(recipe, {})[part] = separation.separation(codes, faces, bench.separation)
        if learned.network.config.form == "vae":
            assert faces.subjects is not None
            less = Codes(codes.identity, deviations(codes.expression, faces.subjects))
            found.setdefault(MEANLESS, {})[part] = separation.separation(less, faces, bench.separation)
    return found


def by_iteration(bench: Bench, learned: Learned, recipe: str, fold: int, folder: Path) -> Found:
    """Measure clusters after every iteration, whose networks the run kept; parts are 'train, 1' and so on."""
    if recipe not in CURVED:
        return {}
    ends = [file for file in snapshots.kept(folder) if file.stem.endswith(ENDS)]
    parts: dict[str, Measured] = {}
    for number, file in enumerate(ends, 1):
        then = snapshots.reopen(file)
        for part, faces in bench.parts(learned, fold).items():
            parts[f"{part}, {number}"] = clusters(codes_of(then, faces), faces, bench.separation)
    return {recipe: parts}


def clusters(codes: Codes, faces: Faces, config: SeparationConfig) -> Measured:
    """Measure the accuracy of clusters of the expression code by the source's rule, and nothing else.

    Args:
        codes: of N faces.
        faces: these, with labels and subjects.
        config: names k, runs and seed.

    Raises:
        InputError: fewer faces than clusters.
    """
    truth, subjects = faces.labels[EXPRESSION], np.asarray(faces.subjects)
    shown = (truth >= 0) & (truth != FER2013.index("neutral"))
    found = clustering.agreement(codes.expression[shown], truth[shown], config.clusters, config.runs, config.seed)
    people = tuple(np.unique(subjects[shown]).tolist())
    return Measured(people, {CLUSTERING: per_person(found.right, subjects[shown])})


def swapped(bench: Bench, learned: Learned, recipe: str, fold: int, folder: Path) -> Found:
    """Measure swaps between unseen people; a network with one code has nothing to exchange."""
    del fold, folder
    if not learned.network.exchanges:
        return {}
    judge, faces = bench.judge(), bench.sets.swap(learned.side)
    return {recipe: {SWAPS: swapping.swapping(learned, faces, judge, bench.swapping, judge.features)}}


Measure = Callable[[Bench, Learned, str, int, Path], Found]
"""Of: what runs are measured on, the network, recipe, fold and folder of the run."""
SEPARATION, ITERATIONS, SWAP = "separation", "iterations", "swap"
MEASURES: dict[str, Measure] = {SEPARATION: separated, ITERATIONS: by_iteration, SWAP: swapped}
"""By the name of the file that keeps it beside the run. Runs that lack one are measured without training them again."""


def collapsed(found: Mapping[str, Mapping[str, Measured]]) -> list[str]:
    """Return the codes of a run that tell faces apart by nothing (SPEC 3.7), as 'code of expression'."""
    tables = [one for parts in found.values() for one in parts.values() if "codes" in one.tables]
    return [f"code of {name}" for name in dict.fromkeys(name for one in tables for name in separation.collapsed(one))]
