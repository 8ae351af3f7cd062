"""The validity experiments of long recordings (SPEC 6.3): what is said of a face at rest, and of one that is not.

(a) False alarms: recordings of an unchanged face under different light, pose and camera. (b) Power: the share of time
with anger moves from 0.1 or 0.3 % to 0.8 %. (c) Sensitivity: what a temperature, or another model, makes of recordings
in which nothing changed. Recordings are put together from a bank (`evaluation.replicates`). People are halved: floors
come from one half, what is tested from the other, and then the other way round. Beside it stands the floor of the
person's own other sessions, as `kaoiro calibrate-floor --own` takes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from kaoiro.core.checks import at_least
from kaoiro.core.errors import InputError
from kaoiro.evaluation.banked import EXPRESSION_COLUMNS, Bank, Sitting
from kaoiro.evaluation.replicates import ALPHA, Answer, Pool, Setting, answer, binomial, draw, family, pool
from kaoiro.evaluation.sensitivity import POINT, sensitivity
from kaoiro.evaluation.single import rates
from kaoiro.inference.floor import USUAL
from kaoiro.timeline.changes import Verdict, verdict
from kaoiro.timeline.floors import DRAWS, Tails, of_one, recordings, tails
from kaoiro.timeline.noise import noise_floor

ANGER = "expression_anger"
SIGNALS = ("valence", "arousal", "au_04")
"""What else is tested, as far as the model answers it."""
CHANGES = ((0.003, 0.008), (0.001, 0.008))
"""Planted shares before and after (SPEC 6.3)."""
LEAST_OWN = 4
"""Other sessions of the person that an own floor needs: six differences."""
FLOOR_P = "beyond floor, p"
FLOOR_NORMAL = "beyond floor, normal p"
FLOOR_INTERVAL = "interval beyond floor, p"
FLOOR_NOISE = "interval with noise beyond floor, p"
"""Rules by which a change may be called a signal: all ask for an adjusted p; what must lie beyond the floor differs."""
Tell = Callable[[str], None]


@dataclass(frozen=True, order=True)
class Design:
    """How recordings are compared.

    Attributes:
        count: on each side.
        shared: all of one side with one light and camera.
        own: the floor is the person's own, instead of other people's.
    """

    count: int
    shared: bool = False
    own: bool = False

    @property
    def name(self) -> str:
        """The design in words."""
        camera = ", one camera a side" if self.shared else ""
        return f"{self.count} vs {self.count}{camera}{', own floor' if self.own else ''}"


@dataclass(frozen=True)
class RecordingsConfig:
    """What is measured.

    Attributes:
        minutes: lengths of recordings.
        counts: recordings on each side.
        replicates: for each figure.
        takes: recordings made of each session at each length; replicates choose among them.
        gains: of assumed readers.
        seed: of everything that is drawn.
    """

    minutes: tuple[float, ...] = (5.0, 15.0, 30.0, 60.0)
    counts: tuple[int, ...] = (1, 2, 4, 6)
    replicates: int = 500
    takes: int = 1
    gains: tuple[float, ...] = (0.05, 0.2, 0.5, 1.0)
    seed: int = 0

    def __post_init__(self) -> None:
        at_least("replicates", 2, self.replicates)
        at_least("takes", 1, self.takes)


@dataclass(frozen=True, eq=False)
class _Half:
    """Those who are tested, with the floors that the others gave: (C,) each."""

    sittings: list[Sitting]
    floor: np.ndarray
    noise_sd: np.ndarray
    rare: np.ndarray
    tails: Tails


class Experiments:
    """The experiments on one bank.

    Args:
        bank: sessions as the package's model scored them.
        config: what is measured.

    Raises:
        InputError: fewer than four people, who cannot be halved and compared.
    """

    def __init__(self, bank: Bank, config: RecordingsConfig) -> None:
        people = bank.people
        if len(people) < 4:
            raise InputError(f"a bank needs four people or more, two to set floors and two to test, not {len(people)}")
        self.bank, self.config = bank, config
        own = [name for name in SIGNALS if name in bank.columns]
        self.columns = [*EXPRESSION_COLUMNS, *own]
        self._places = bank.places(self.columns)
        self.anger = self.columns.index(ANGER)
        self.readers = [f"reader_{gain:g}" for gain in config.gains]
        self._halves = people[::2], people[1::2]
        self._pools: dict[tuple[str, int, Setting], Pool] = {}

    def halves(self, level: str, minutes: float, seed: int) -> Iterator[_Half]:
        """Yield both halves of the people as the tested ones."""
        for tested, others in (self._halves, self._halves[::-1]):
            sessions = [one.of(self._places) for one in self.bank.some(level, others)]
            who = np.array([one.person for one in sessions])
            found = noise_floor(recordings(sessions, minutes, seed), who, draws=DRAWS, seed=seed)
            like = [*range(len(self.columns)), *[self.anger] * len(self.readers)]  # readers are as noisy as the model
            yield _Half(
                self.bank.some(level, tested), found.floor[like], found.sd[like], found.rare[like], self.tails(others)
            )

    def tails(self, people: Sequence[str]) -> Tails:
        """Return the tails of people; at one level, since users do not know theirs."""
        level = USUAL if USUAL in self.bank.levels else self.bank.levels[0]
        labels = self._places[: len(EXPRESSION_COLUMNS)]
        try:
            return tails([one.of(labels) for one in self.bank.some(level, people)])
        except InputError:  # too few sessions of each for own floors, too
            return Tails()

    def _pool(self, half: _Half, level: str, number: int, setting: Setting) -> Pool:
        """Return recordings of a half, which other experiments may have asked for before."""
        config = self.config
        key = level, number, setting if setting.share else Setting(setting.minutes)
        if key not in self._pools:
            seed = config.seed + number
            made = pool(half.sittings, self._places, key[2], config.takes, self.anger, config.gains, seed)
            self._pools[key] = made
        return self._pools[key]

    def null(self, tell: Tell | None = None) -> list[dict[str, Any]]:
        """Measure (a): rates of false alarms, one row for each level, length and design."""
        rows, config = [], self.config
        for level, minutes in product(self.bank.levels, config.minutes):
            if tell:
                tell(f"false alarms: {level}, {minutes:g} minutes")
            counts: dict[Design, _Tally] = defaultdict(_Tally)
            for number, half in enumerate(self.halves(level, minutes, config.seed)):
                made = self._pool(half, level, number, Setting(minutes))
                for design in self.designs(level):
                    self._count(counts[design], (made, made, made), half, design, number)
            for design, tally in counts.items():
                rows.append({"level": level, "minutes": minutes, "design": design.name} | tally.rates(self.columns))
        return rows

    def power(self, tell: Tell | None = None) -> list[dict[str, Any]]:
        """Measure (b): rates of detection, one row for each level, length, design, change, strength and reader."""
        rows, config = [], self.config
        strengths = sorted({name for one in self.bank.sittings for name in one.planted}, reverse=True)
        for level, minutes, strength in product(self.bank.levels, config.minutes, strengths):
            if tell:
                tell(f"power: {level}, {minutes:g} minutes, {strength}")
            counts: dict[tuple[float, float, Design], _Tally] = defaultdict(_Tally)
            for number, half in enumerate(self.halves(level, minutes, config.seed)):
                made = {
                    share: self._pool(half, level, number, Setting(minutes, share, strength))
                    for share in sorted({0.0, *(share for pair in CHANGES for share in pair)})
                }
                designs = [one for one in self.designs(level) if not one.shared]
                for (low, high), design in product(CHANGES, designs if strength == "weak" else designs[:1]):
                    pools = made[0.0], made[low], made[high]
                    self._count(counts[low, high, design], pools, half, design, number)
            for (low, high, design), tally in counts.items():
                case = {"level": level, "minutes": minutes, "strength": strength, "from": low, "to": high}
                case |= {"design": design.name, "per side": design.count}
                rows += [case | row for row in tally.detected(self, strength)]
        return rows

    def designs(self, level: str) -> list[Design]:
        """Return the designs for which everybody has sessions enough at a level.

        Raises:
            InputError: not even for two single recordings.
        """
        who = [one.person for one in self.bank.some(level)]
        sessions = min(who.count(name) for name in self.bank.people)
        able = [count for count in self.config.counts if 2 * count <= sessions]
        if not able:
            raise InputError(f"two recordings need two sessions of everybody at level {level}, not {sessions}")
        own = [Design(count, own=True) for count in able if 2 * count + LEAST_OWN <= sessions]
        return [*map(Design, able), *own[:2], Design(able[-1], shared=True)]

    def _count(self, tally: _Tally, pools: tuple[Pool, Pool, Pool], half: _Half, design: Design, number: int) -> None:
        """Draw half of the replicates of a figure and count what is said of them."""
        rng = np.random.default_rng([self.config.seed, number, design.count, design.shared, design.own])
        for _ in range(self.config.replicates // 2 + (number < self.config.replicates % 2)):
            drawn = draw(pools, design.count, rng, design.shared)
            floor, sd, rare = of_one(drawn.others, half.tails) if design.own else (half.floor, half.noise_sd, half.rare)
            said = answer(drawn, sd, floor, rare)
            tally.add(said, self._adjusted(said.p), self._adjusted(said.normal), floor)

    def _adjusted(self, p: np.ndarray) -> np.ndarray:
        """Return p (C,) adjusted over the labels; a reader's takes the place of anger, signals stay as they are."""
        labels, result = list(range(len(EXPRESSION_COLUMNS))), p.copy()
        result[labels] = family(p, labels, self.anger, self.anger)
        for column in range(len(self.columns), len(self.columns) + len(self.readers)):
            result[column] = family(p, labels, self.anger, column)[self.anger]
        return result

    def scatter(self) -> list[dict[str, Any]]:
        """Return the spread of null shares by level: its parts within and between sessions, in points of anger."""
        rows = []
        place = self.bank.columns.index(ANGER)
        for level in self.bank.levels:
            sessions = self.bank.some(level)
            means = np.array([one.null[:, place].mean() for one in sessions])
            people = np.array([one.person for one in sessions])
            inner = means - np.array([means[people == who].mean() for who in people])
            by_frame = np.mean([one.null[:, place].std() for one in sessions])
            row = {"level": level, "share at rest, points": means.mean() / POINT}
            row |= {"sd between sessions, points": inner.std(ddof=0) / POINT, "sd of a frame, points": by_frame / POINT}
            for strength in sorted(sessions[0].planted, reverse=True):
                shown = [one.planted[strength][:, place] for one in sessions if len(one.planted[strength])]
                own = [one.null[:, place].mean() for one in sessions if len(one.planted[strength])]
                response = np.array([values.mean() for values in shown]) - own
                row[f"response to {strength} anger, points"] = response.mean() / POINT
                row[f"change of the share at 0.1 to 0.8 % {strength}, points"] = 0.007 * response.mean() / POINT
            rows.append(row)
        return rows


class _Tally:
    """Counts what is said of replicates."""

    def __init__(self) -> None:
        self._bare: list[np.ndarray] = []
        self._normal: list[np.ndarray] = []
        self._p: list[np.ndarray] = []
        self._by_normal: list[np.ndarray] = []
        self._signal: list[np.ndarray] = []
        self._either: list[np.ndarray] = []
        self._alone: list[np.ndarray] = []
        self._values: list[np.ndarray] = []

    def add(self, said: Answer, adjusted: np.ndarray, normal: np.ndarray, floor: np.ndarray) -> None:
        """Count one replicate; `normal` are the p by the normal distribution, adjusted."""
        found = said.found
        for kept, one in ((self._signal, found), (self._alone, said.alone)):
            ends = zip(one.value, one.low, one.high, floor, adjusted, strict=True)
            verdicts = [verdict(d, (low, high), limit, p) for d, low, high, limit, p in ends]
            kept.append(np.array([one is Verdict.SIGNAL for one in verdicts]))
        self._either.append((np.abs(found.value) > floor) & (adjusted <= ALPHA))
        self._by_normal.append((np.abs(found.value) > floor) & (normal <= ALPHA))
        self._normal.append(said.normal <= ALPHA)
        self._bare.append(said.bare <= ALPHA)
        self._p.append(said.p <= ALPHA)
        self._values.append(found.value)

    @property
    def _rules(self) -> dict[str, list[np.ndarray]]:
        rules = {"p": self._p, FLOOR_NORMAL: self._by_normal, FLOOR_P: self._either, FLOOR_INTERVAL: self._alone}
        return rules | {FLOOR_NOISE: self._signal}

    @property
    def trials(self) -> int:
        """How many were counted."""
        return len(self._p)

    def rates(self, columns: Sequence[str]) -> dict[str, Any]:
        """Return false alarms: of anger, in the mean over labels, and of any label."""
        place, labels = columns.index(ANGER), len(EXPRESSION_COLUMNS)
        row: dict[str, Any] = {"replicates": self.trials}
        for name, kept in ({"p without noise": self._bare, "normal p": self._normal} | self._rules).items():
            table = np.array(kept)
            row[name] = _rate(table[:, place])
            row[f"{name}, mean of labels"] = float(table[:, :labels].mean())
            row[f"{name}, any label"] = _rate(np.asarray(table[:, :labels].any(axis=1)))
            for column, signal in enumerate(columns[labels:], labels):
                row[f"{name}, {signal}"] = _rate(table[:, column])
        return row

    def detected(self, of: Experiments, strength: str) -> Iterator[dict[str, Any]]:
        """Yield rates of detection of the model's anger, of its signals and of every reader."""
        signals = list(range(len(EXPRESSION_COLUMNS), len(of.columns)))
        readers = list(range(len(of.columns), len(of.columns) + len(of.readers)))
        names = dict(zip([of.anger, *signals, *readers], [ANGER, *of.columns[8:], *of.readers], strict=True))
        for column, name in names.items():
            if strength != "weak" and column in readers:
                continue  # they add to the model what does not depend on the strength
            row: dict[str, Any] = {"reader": name, "replicates": self.trials}
            row["change of the share, points"] = float(np.mean([one[column] for one in self._values])) / POINT
            yield row | {kind: _rate(np.array(kept)[:, column]) for kind, kept in self._rules.items()}


def _rate(hits: np.ndarray) -> list[float]:
    """Return a rate and the ends of its interval."""
    count = int(hits.sum())
    return [count / len(hits), *binomial(count, len(hits))]


def needed(rows: Sequence[dict[str, Any]], rule: str, wanted: float = 0.8) -> list[dict[str, Any]]:
    """Return for each level, change, strength and reader the shortest and smallest design with the wanted power.

    The total time is what recordings on both sides take; `None` where none that was tried reaches it.
    """
    keys = ("level", "strength", "from", "to", "reader", "floor")
    cases: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        row = row | {"floor": "own" if row["design"].endswith("own floor") else "of others"}
        cases[tuple(row[key] for key in keys)].append(row)
    result = []
    for case, tried in cases.items():
        able = [row for row in tried if row[rule][0] >= wanted]
        best = min(able, key=lambda row: (row["minutes"] * row["per side"], row["per side"]), default=None)
        design = None if best is None else f"{best['per side']} x {best['minutes']:g} min a side"
        most = max(row[rule][0] for row in tried)
        result.append(dict(zip(keys, case, strict=True)) | {"design": design, "best power": most})
    return result


def _single(config: RecordingsConfig) -> list[float]:
    """Return the lengths at which single recordings are looked at: the shortest, and an hour or the longest."""
    return sorted({min(config.minutes), 60.0 if 60.0 in config.minutes else max(config.minutes)})


def measure(bank: Bank, others: Sequence[Bank], config: RecordingsConfig, tell: Tell | None = None) -> dict[str, Any]:
    """Run all experiments.

    Args:
        bank: as the package's model scored it.
        others: the same as other models did.
        config: what is measured.
        tell: receives what is being measured.

    Raises:
        InputError: a bank with too few people or sessions.
    """
    experiments = Experiments(bank, config)
    settings = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(config).items()}
    power = experiments.power(tell)
    return {
        "bank": {"model": bank.model, "model sha256": bank.digest, **bank.about},
        "settings": settings,
        "scatter": experiments.scatter(),
        "tails": experiments.tails(bank.people)._asdict(),
        "false alarms": experiments.null(tell),
        "single": [row for minutes in _single(config) for row in rates(bank, minutes, config.replicates, config.seed)],
        "power": power,
        "needed": needed(power, FLOOR_INTERVAL),
        "sensitivity": sensitivity(bank, others),
    }
