"""System D from a rendered set to the claims, in one call that can be interrupted and goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kaoiro.core.checks import at_least, positive, require
from kaoiro.core.errors import InputError
from kaoiro.evaluation import multitask
from kaoiro.evaluation.multitask import DRAWS, Sums, seeded, summed, verdict
from kaoiro.families.multitask_affect.adversarial import Adversarial
from kaoiro.metrics.temporal import draws, interval
from kaoiro.training import adversaries, hardware, trials, videos
from kaoiro.training.multitask import COUPLED, HEADS, LIGHT, SIDE, STRIDED, Budget, Trial, build, percent
from kaoiro.training.trials import (
    ADVERSARIAL,
    AFFECT_ALONE,
    ALPHAS,
    CHOSEN,
    CLAIMED,
    EXPRESSION_ALONE,
    FURTHER,
    RATE,
    RATES,
    SMOOTHED,
    UNITS_ALONE,
    WITH_EXPRESSION,
    WITH_UNITS,
    Outcomes,
)
from kaoiro.training.videos import Videos

SET = videos.SET
GAIN = 0.02
"""By so much at least several tasks together are to do better than one (SPEC 5.6)."""
STRIDED_LAYERS = "three strided convolutions and a fully connected layer"
SEEDS = 3
"""A claim is judged from so many seeds on: which videos keep their labels differs by seed, and matters more than who
is measured."""
IMPROVED = 0.1
"""By so much at least coupling of tasks and smoothing over time are to raise P (SPEC 10)."""
BALANCED = 0.667
"""The source's total accuracy of action units, read as balanced."""
Tell = Callable[[str], None]
Report = Callable[[str, dict[str, Any], bool], None]
"""Receives a section of the results and its figures, each time that there are more of them, and whether all runs are
finished."""


@dataclass(frozen=True)
class Order:
    """What is reproduced, from what and where.

    Attributes:
        root: folder of the syn-mt set.
        out: folder of the runs; those in it are not done again.
        seeds: of the runs on which the claims rest.
        budget: hours for each run, to which its steps are scaled; None takes the usual number of steps.
        every: which frames of a video are kept.
        steps: of each run, where no budget is given; None takes the usual number.
        fixed: what runs have alike.
        training: False trains nothing and reports what is finished.
    """

    root: Path
    out: Path
    seeds: int = 3
    budget: float | None = None
    every: int = videos.EVERY
    steps: int | None = None
    fixed: Budget = field(default_factory=Budget)
    training: bool = True

    def __post_init__(self) -> None:
        at_least("--seeds", 1, self.seeds)
        if self.budget is not None:
            positive("--budget", self.budget, "hours")
            require(self.steps is None, "--steps", "left out beside --budget, which decides on them", self.steps)


def system_d(order: Order, report: Report, tell: Tell = print) -> None:
    """Learn and measure all that is said of system D on rendered people.

    Args:
        order: what, from what and where.
        report: receives 'rendered', and what further parts there are, whenever more of it is measured.
        tell: receives what a person should know on the way.

    Raises:
        DataError: no such set, a set of another kind or of too few people, or a stored run is damaged.
        InputError: `out` holds runs of another set or budget.
        KeyboardInterrupt: stopped by Ctrl-C; the same call goes on.
    """
    data = videos.read(order.root, SIDE, order.every)
    folder = order.out / "trials"
    if order.training:
        fixed = order.fixed if order.steps is None else replace(order.fixed, steps=order.steps)
        budget = trials.settle(folder, data, order.budget, fixed, tell)
    else:
        budget = trials.settled(folder, data, order.fixed)
    for part in PARTS.values():
        part(order, data, budget, report, tell)


def tasks(order: Order, data: Videos, budget: Budget, report: Report, tell: Tell) -> None:
    """Compare tasks learned together with each alone, fractions of labels, weights, rates and losses."""
    folder, stages = order.out / "trials", trials.stages(order.seeds)
    planned = [trial for stage in stages.values() for trial in stage]
    for name, stage in stages.items() if order.training else ():
        tell(f"{name}: {len(stage)} runs")
        trials.run(stage, folder, data, budget, tell)
        found = trials.finished(planned, folder, data)
        report("rendered", figures(found, order, data, budget, planned), set(planned) <= set(found))
    if not order.training:
        found = trials.finished(planned, folder, data)
        if not found:
            raise InputError(f"{order.out} holds no finished runs")
        report("rendered", figures(found, order, data, budget, planned), set(planned) <= set(found))


def judges(order: Order, data: Videos, budget: Budget, report: Report, tell: Tell) -> None:
    """Compare networks that also judge generated faces with the same networks without a generator."""
    folder, planned = order.out / "trials", trials.adversarial(order.seeds)
    if order.training:
        tell(f"with a generator: {len(planned)} runs")
        trials.run(planned, folder, data, budget, tell)
    found = trials.finished(planned, folder, data)
    report("generator", judged(found, order, data, budget, planned), set(planned) <= set(found))


PARTS: dict[str, Callable[[Order, Videos, Budget, Report, Tell], None]] = {"tasks": tasks, "judges": judges}
"""What is done, in this order. Further kinds of runs are added here: learners in `trials.LEARNERS`, their trials by
`trials.run`, their claims by `Judge`, their figures by the report."""


def figures(found: Outcomes, order: Order, data: Videos, budget: Budget, planned: Sequence[Trial]) -> dict[str, Any]:
    """Return all tables and claims of the runs that are finished."""
    tests = {one: list(seeds.values()) for one, seeds in _by_seed(found, "test").items()}
    assert data.test.subjects is not None
    truth = videos.truth(data.test)
    resting = summed(truth, multitask.resting(len(data.test)), data.test.subjects)
    losses = [Trial(AFFECT_ALONE), Trial(AFFECT_ALONE, affect_loss="mse")]
    return {
        **_about(found, order, data, budget, planned),
        "claims": claims(found),
        "configurations": multitask.table(_usual(tests) | {"neutral, everything absent": [resting]}),
        "weight of valence and arousal (all three, 100 %)": _sweep(found, [Trial(alpha=one) for one in ALPHAS]),
        "learning rate (all three, 100 %)": _sweep(found, [Trial(), *(Trial(learning_rate=one) for one in RATES)]),
        "loss of valence and arousal (alone, 100 %)": _sweep(found, losses),
        "F1 of action units": multitask.unit_table(_usual(tests)),
        "windows of smoothing": {one.name: _windows(found, one) for one in _smoothed(found)},
        "scaled down": _scaled_down(order, data, budget),
    }


def _smoothed(found: Outcomes) -> list[Trial]:
    return list(dict.fromkeys(_unseeded(one) for one in found if one.learner in SMOOTHED.values()))


def _windows(found: Outcomes, trial: Trial) -> dict[str, str]:
    """Return the frames over which a trial's answers are smoothed, seed by seed."""
    own = sorted((one for one in found if _unseeded(one) == trial), key=lambda one: one.seed)
    return {"frames, seed by seed": ", ".join(str(found[one].reading.window) for one in own)}


def _about(found: Outcomes, order: Order, data: Videos, budget: Budget, planned: Sequence[Trial]) -> dict[str, Any]:
    own = [one for trial, one in found.items() if trial in set(planned)]
    discriminator = Adversarial(adversaries.settings(Trial(), budget, SIDE, adversarial=False)).discriminator
    light = build(Trial(learner=LIGHT), budget, data).network
    return {
        **data.about,
        "runs": f"{len(own)} of {len(planned)}",
        "learned by commit": ", ".join(sorted({one.commit for one in own})),
        "seeds": order.seeds,
        "steps": f"{budget.steps} of {budget.batch} faces, strided network: {_strided_steps(budget)}",
        "budget_hours of each run": order.budget,
        "hours of all runs": round(sum(one.seconds for one in own) / 3600, 2),
        "hardware": hardware.describe("32"),
        "parameters of the strided network": sum(one.numel() for one in discriminator.parameters()),
        "parameters of the light network": sum(one.numel() for one in light.parameters()),
        "draws": DRAWS,
    }


def _strided_steps(budget: Budget) -> str:
    config = adversaries.settings(Trial(), budget, SIDE, adversarial=False)
    return f"{config.steps} of {config.batch}"


def _scaled_down(order: Order, data: Videos, budget: Budget) -> list[str]:
    """Return what was done on a smaller scale than SPEC 5 wishes."""
    network, passes = budget.network, budget.steps * budget.batch / len(data.training)
    return [
        f"a network of {STRIDED_LAYERS} (where tasks are coupled: the light one with {network.stem} and "
        f"{', '.join(map(str, network.widths))} channels), on grey crops of {data.about['size']} pixels, instead of "
        "VGG on coloured ones of 96",
        f"{budget.steps} steps of {budget.batch} faces for each run: {passes:.1f} times as many faces as the training "
        "people have thinned frames, instead of 30 times",
        f"one frame in {order.every} of each training video",
        f"{order.seeds} seeds for tasks, at most {trials.SWEPT} for weights, rates, losses, coupling and judges; "
        "further fractions of labels have one; runs that are not finished are left out of their tables",
        "1 % of the labels: two videos of each kind, and of their frames so many as the fraction is worth, because one "
        "video of 42 or 52 is more than 1 %; all fractions take videos of each kind by seed",
    ]


def judged(found: Outcomes, order: Order, data: Videos, budget: Budget, planned: Sequence[Trial]) -> dict[str, Any]:
    """Return all tables and claims of the runs with a generator and of their controls."""
    tests = {one: list(seeds.values()) for one, seeds in _by_seed(found, "test").items()}
    about = _about(found, order, data, budget, planned)
    del about["parameters of the light network"]
    return {**about, "claims": adversarial_claims(found), "configurations": multitask.table(_usual(tests))}


def adversarial_claims(found: Outcomes) -> dict[str, dict[str, Any]]:
    """Return the rows of claims about networks that judge generated faces, beside the same without a generator."""
    judge, rows = Judge(found), {}
    for fraction in (*FURTHER[:1], *CLAIMED):
        pair = Trial(fraction=fraction, learner=ADVERSARIAL), Trial(fraction=fraction)
        rows[f"P, adversarial - plain, {percent(fraction)}"] = judge.apart("P", *pair, least=0.0)
    alone = Trial(WITH_UNITS, learner=ADVERSARIAL)
    return rows | {"TA_bal, adversarial, valence-arousal + action units": judge.level("TA_bal", alone, BALANCED)}


def claims(found: Outcomes) -> dict[str, dict[str, Any]]:
    """Return the rows of every claim; those whose runs are not finished, or too few, say so."""
    judge, result = Judge(found), compared(found) | weighted(found)
    result["P, α 0.5 - the best α"] = judge.choice(Trial(), [Trial(alpha=one) for one in ALPHAS])
    rates = [Trial(), *(Trial(learning_rate=one) for one in RATES)]
    result["P, rate 0.001 - the best rate"] = judge.choice(Trial(learning_rate=RATE), rates)
    losses = Trial(AFFECT_ALONE), Trial(AFFECT_ALONE, affect_loss="mse")
    result["mean CCC, loss of concordance - of squares"] = judge.apart("mean CCC", *losses, least=0.0)
    for network, readings in (
        (STRIDED, (SMOOTHED[STRIDED],)),
        (LIGHT, (COUPLED, SMOOTHED[COUPLED])),
    ):
        for one in readings:
            row = judge.apart("P", Trial(learner=one), Trial(learner=network), least=IMPROVED)
            result[f"P, {one} - plain"] = row
    return result | {"TA_bal, valence-arousal + action units": judge.level("TA_bal", Trial(WITH_UNITS), BALANCED)}


def compared(found: Outcomes) -> dict[str, dict[str, Any]]:
    """Return the rows that compare tasks learned together with each alone."""
    judge, result = Judge(found), {}
    for fraction in CLAIMED:
        pairs = (
            ("CCC valence", HEADS, AFFECT_ALONE, "all three - alone", GAIN),
            ("CCC arousal", HEADS, AFFECT_ALONE, "all three - alone", None),
            ("F1w", HEADS, EXPRESSION_ALONE, "all three - alone", GAIN),
            ("CCC valence", WITH_EXPRESSION, AFFECT_ALONE, "with expressions - alone", GAIN),
            ("F1w", WITH_EXPRESSION, EXPRESSION_ALONE, "with valence-arousal - alone", GAIN),
            ("AU F1", HEADS, UNITS_ALONE, "all three - alone", None),
        )
        for measure, ours, theirs, what, gain in pairs:
            both = Trial(ours, fraction), Trial(theirs, fraction)
            least = (0.0, None) if gain is None else (gain, 0.0)
            result[f"{measure}, {what}, {percent(fraction)}"] = judge.apart(measure, *both, *least)
    return result


def weighted(found: Outcomes) -> dict[str, dict[str, Any]]:
    """Return the rows that compare all tasks, with the weight that was chosen on 'val', with each alone."""
    judge, result = Judge(found), {}
    for fraction in CLAIMED:
        together = Trial(HEADS, fraction, alpha=CHOSEN)
        for measure, heads in (("CCC valence", AFFECT_ALONE), ("F1w", EXPRESSION_ALONE), ("AU F1", UNITS_ALONE)):
            name = f"{measure}, all three with α {CHOSEN:g} - alone, {percent(fraction)}"
            result[name] = judge.apart(measure, together, Trial(heads, fraction), GAIN, 0.0)
    return result


class Judge:
    """Rows of claims about trials whose outcomes are known.

    Differences are paired: by seed, and by the people who are drawn. Intervals are over people and seeds.
    """

    def __init__(self, found: Outcomes) -> None:
        self._tests, self._validations = _by_seed(found, "test"), _by_seed(found, "validation")
        people = next((len(next(iter(one.test.tables.values()))) for one in found.values()), 1)
        self._rows = draws(people, DRAWS)

    def apart(
        self, measure: str, ours: Trial, theirs: Trial, least: float, above: float | None = None
    ) -> dict[str, Any]:
        """Judge how much more one has of a measure on the people of 'test'.

        Args:
            measure: one of `multitask.MEASURES`.
            ours: whatever its seed.
            theirs: likewise.
            least: as of `multitask.verdict`.
            above: likewise.
        """
        one, other = self._tests.get(_unseeded(ours), {}), self._tests.get(_unseeded(theirs), {})
        seeds = sorted(one.keys() & other.keys())

        def gap(seed: int, rows: np.ndarray | None) -> np.ndarray:
            return one[seed].figure(measure, rows) - other[seed].figure(measure, rows)

        return self._row([gap(seed, None) for seed in seeds], [gap(seed, self._rows) for seed in seeds], least, above)

    def level(self, measure: str, trial: Trial, least: float) -> dict[str, Any]:
        """Judge a measure on the people of 'test'."""
        own = list(self._tests.get(_unseeded(trial), {}).values())
        drawn = [one.figure(measure, self._rows) for one in own]
        return self._row([one.figure(measure) for one in own], drawn, least, None)

    def _row(
        self, values: Sequence[np.ndarray], drawn: Sequence[np.ndarray], least: float, above: float | None
    ) -> dict[str, Any]:
        if not values:
            return verdict(None, least, above) | {"seeds": 0}
        found = float(np.mean(values)), *interval(seeded(np.stack(drawn), len(self._rows)))
        row = verdict(found, least, above) | {"seeds": len(values)}
        return row if len(values) >= SEEDS else row | {"verdict": "too few seeds"}

    def choice(self, usual: Trial, options: Sequence[Trial]) -> dict[str, Any]:
        """Judge whether a setting is within a standard deviation over its seeds of the best other one.

        Args:
            usual: the setting.
            options: among which the best on the people of 'val' is looked for; `usual` may be one of them.
        """
        own = self._tests.get(_unseeded(usual), {})
        others = [one for one in options if _unseeded(one) != _unseeded(usual)]
        if len(own) < 2 or any(_unseeded(one) not in self._validations for one in others):
            return verdict(None, 0.0) | {"seeds": 0}
        spread = float(np.std([one.figure("P") for one in own.values()], ddof=1))
        best = max(others, key=lambda one: self._chosen_by(one, others))
        return self.apart("P", usual, best, -round(spread, 4)) | {"best other on val": best.name}

    def _chosen_by(self, trial: Trial, options: Sequence[Trial]) -> float:
        """Return P on the people of 'val', mean over the seeds that all options have."""
        tables = [self._validations[_unseeded(one)] for one in options]
        seeds = set.intersection(*(set(table) for table in tables))
        return float(np.mean([self._validations[_unseeded(trial)][seed].figure("P") for seed in seeds]))


def _sweep(found: Outcomes, options: Sequence[Trial]) -> dict[str, dict[str, Any]]:
    """Return the table of settings on the people of 'test', and P on those of 'val'."""
    tests, validations = _by_seed(found, "test"), _by_seed(found, "validation")
    result: dict[str, dict[str, Any]] = {}
    for one in options:
        seeds = tests.get(_unseeded(one), {})
        if seeds:
            row = multitask.table({"": list(seeds.values())})[""]
            chosen = multitask.table({"": list(validations[_unseeded(one)].values())})[""]["P"]
            result[_setting(one)] = row | {"P on val": chosen}
    return result


def _setting(trial: Trial) -> str:
    rate = adversaries.QUICK.learning_rate if trial.learning_rate is None else trial.learning_rate
    return f"α {trial.alpha:g}, {trial.affect_loss}, rate {rate:g}"


def _unseeded(trial: Trial) -> Trial:
    return replace(trial, seed=0)


def _by_seed(found: Outcomes, part: Literal["test", "validation"]) -> dict[Trial, dict[int, Sums]]:
    """Return the sums of one part by trial without its seed, and by seed."""
    result: dict[Trial, dict[int, Sums]] = {}
    for trial, one in found.items():
        result.setdefault(_unseeded(trial), {})[trial.seed] = getattr(one, part)
    return result


def _usual(tests: Mapping[Trial, list[Sums]]) -> dict[str, list[Sums]]:
    """Return the runs that differ in tasks, fractions and learners alone, and those with the chosen weight, by name."""
    usual = [
        one
        for one in tests
        if one in (Trial(one.heads, one.fraction, learner=one.learner), Trial(HEADS, one.fraction, alpha=CHOSEN))
    ]
    return {one.name: tests[one] for one in sorted(usual, key=lambda one: (-one.fraction, -len(one.heads), one.heads))}
