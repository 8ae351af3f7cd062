"""System B from rendered sets to the claims, in one call that can be interrupted and goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from kaoiro.core.checks import at_least, positive, require
from kaoiro.evaluation import exchange_tables, recogniser_tables
from kaoiro.evaluation.exchange_figures import FACES, LINES
from kaoiro.evaluation.exchange_tables import PARTS as PEOPLE
from kaoiro.evaluation.measured import Measured
from kaoiro.evaluation.separation import CLUSTERING
from kaoiro.families.identity_expression.recipe import ADDED
from kaoiro.training import exchange_codes, exchange_pictures, exchange_recognisers, judging
from kaoiro.training.exchange_measures import CURVED, ITERATIONS, SEPARATION, SWAP, SWAPS, Bench, collapsed
from kaoiro.training.exchange_runs import KNOWN, ROWS, Alike, Outcomes, Run, Runs, Tell
from kaoiro.training.exchange_sets import FOLDS, LEARNED, Sets
from kaoiro.training.exchange_summary import WISHED, about, by_row, rows, scaled_down
from kaoiro.training.latents import Learned
from kaoiro.training.recogniser import RecogniserConfig
from kaoiro.training.signal import SignalConfig

JUDGE, CODES = "judge", "codes"
IMPROVED = "improved"
Section = tuple[dict[str, Any], Mapping[str, Image.Image]]
"""Figures of a section of the results, and pictures by name; reported ones by the name of their file."""
Report = Callable[[str, dict[str, Any], Mapping[str, Image.Image], bool], None]
"""Receives a section of the results, its figures, its pictures and whether all runs are finished that were asked for,
each time that there are more of them."""


@dataclass(frozen=True)
class Order:
    """What is reproduced, from what and where.

    Attributes:
        sets: folder of the set of `people`, of syn-swap and, where a judge has to learn, of syn-mt.
        out: folder of the runs; those in it are not done again.
        seeds: of every row and fold.
        folds: how many of the five are run.
        rows: recipes, of `KNOWN`.
        judge: checkpoint of the network that judges swaps; None trains one on other people.
        alike: what runs have alike, their budget among it.
        judging: how a judge is trained.
        recognising: how recognisers on the codes learn; None leaves them out.
        people: set that is learned from, of `exchange_sets.LEARNED`.
        training: False trains and measures nothing and reports what is finished.
    """

    sets: Path
    out: Path
    seeds: int = WISHED
    folds: int = FOLDS
    rows: tuple[str, ...] = ROWS
    judge: Path | None = None
    alike: Alike = field(default_factory=Alike)
    judging: SignalConfig = field(default_factory=SignalConfig)
    training: bool = True
    people: str = LEARNED[0]
    recognising: RecogniserConfig | None = None

    def __post_init__(self) -> None:
        at_least("--seeds", 1, self.seeds)
        require(self.people in LEARNED, "--people", f"one of {', '.join(LEARNED)}", self.people)
        require(1 <= self.folds <= FOLDS, "--folds", f"from 1 to {FOLDS}", self.folds)
        foreign = [name for name in self.rows if name not in KNOWN]
        require(bool(self.rows) and not foreign, "--rows", f"some of {', '.join(KNOWN)}", ", ".join(foreign) or "none")
        apart = not self.adding or {*self.rows} <= {*ADDED, exchange_tables.BASE}
        require(apart, "--rows", f"additions to '{exchange_tables.BASE}' and it alone, or none of them", "both")
        if self.alike.hours is not None:
            positive("--budget", self.alike.hours, "hours")
        alone = self.alike.proportional and self.alike.hours is None
        require(not alone, "--proportional", "given together with --budget", "alone")
        if self.alike.batch is not None:
            at_least("--batch", 2, self.alike.batch)
        if self.alike.iterations is not None:
            at_least("--iterations", 2, self.alike.iterations)
        if self.alike.side is not None:
            sides = self.alike.sides(self.rows)
            require(self.alike.side in sides, "--side", f"one of {', '.join(map(str, sides))}", self.alike.side)
        for name in self.rows:
            self.alike.recipe(name).check()

    def exchanges(self, recipe: str) -> bool:
        """Tell whether a recipe has two codes, so that expressions can be exchanged."""
        return self.alike.recipes[recipe].network.form == "exchange"

    @property
    def adding(self) -> bool:
        """Whether it is asked what parts add to ①, and not for the source's table."""
        return not ADDED.keys().isdisjoint(self.rows)

    @property
    def groups(self) -> list[list[Run]]:
        """All runs, seed by seed and fold by fold; results are written after each group."""
        rows = [name for name in KNOWN if name in self.rows]
        return [[Run(name, seed, fold) for name in rows] for seed in range(self.seeds) for fold in range(self.folds)]

    @property
    def planned(self) -> list[Run]:
        """All runs."""
        return [run for group in self.groups for run in group]


def system_b(order: Order, report: Report, tell: Tell = print) -> None:
    """Learn and measure all rows of the source's Table 3, and draw its figures 3 to 5.

    Args:
        order: what, from what and where.
        report: receives every section of `PARTS`, with its pictures, whenever more of it is measured.
        tell: receives what a person should know on the way.

    Raises:
        DataError: no such sets, sets of another kind or too small, no judge, or what is stored is damaged.
        InputError: `out` holds runs with other settings, or swaps that another network judged.
        KeyboardInterrupt: stopped by Ctrl-C; the same call goes on.
    """
    runs, worked = _runs(order, tell), False
    if not order.training:
        runs.settings()
    else:
        runs.settle()
        _begin(order, runs)
        for number, group in enumerate(order.groups):
            left = [run for run in group if not runs.is_done(run)]
            for run in left:
                runs.finish(run, tell)
                _say(run, runs, tell)
                if not number or run is left[-1]:  # after every run as long as there is little to tell
                    _report(order, runs, report)
            worked = worked or bool(left)
        if IMPROVED in order.rows and not exchange_codes.finished(order.out / CODES):
            tell("measuring what makes the code of the improved mode")
            side = order.alike.recipe(IMPROVED).network.side
            exchange_codes.of_all_folds(runs.sets, side, order.out / CODES, order.alike.separation)
            worked = False
        worked = _recognise(order, runs, tell) and worked
    if not worked:
        _report(order, runs, report)


def _recognise(order: Order, runs: Runs, tell: Tell) -> bool:
    """Learn the recognisers that lack; tell whether there was nothing to do."""
    idle = True
    for run in order.planned if order.recognising is not None else []:
        outcome = runs.outcome(run)
        if run.recipe not in exchange_recognisers.ROWS or outcome is None or outcome.failed is not None:
            continue
        assert order.recognising is not None
        learned, place = runs.model(run), runs.place(run)
        if not exchange_recognisers.stored(learned, order.recognising, place):
            tell(f"{run.name}: recognisers on its code")
            people = runs.sets.people(run.fold, learned.side)
            exchange_recognisers.of_run(learned, people, order.recognising, place)
            idle = False
    return idle


def _runs(order: Order, tell: Tell) -> Runs:
    sets, others = Sets(order.sets, order.out / "crops", order.people), order.sets / judging.PEOPLE
    judge = cache(lambda: judging.judge(order.out / JUDGE, order.judge, order.judging, others, tell))
    bench = Bench(sets, judge, order.alike.separation, order.alike.swapping)
    return Runs(order.out, bench, order.alike)


def _begin(order: Order, runs: Runs) -> None:
    """Refuse what cannot end well, before hours are spent."""
    judging.ready(order.out / JUDGE, order.judge, order.judging)
    left = [run for run in order.planned if not runs.is_done(run)]
    if left:
        runs.sets.check(order.alike.recipe(left[0].recipe).network.side, order.alike.separation)
    if any(order.exchanges(run.recipe) for run in left):
        runs.bench.judge()


def needs_people(order: Order) -> bool:
    """Tell whether a judge has to be trained, from a set of `judging.PEOPLE`.

    Raises:
        InputError: `out` has another judge than the given one.
        DataError: what is given is no judge.
    """
    asked = order.training and any(order.exchanges(name) for name in order.rows)
    return asked and not judging.ready(order.out / JUDGE, order.judge, order.judging)


def _say(run: Run, runs: Runs, tell: Tell) -> None:
    outcome = runs.outcome(run)
    if outcome is None or outcome.failed is not None:
        return
    found = outcome.found.get(SEPARATION, {})
    named = ((f"{row} {part}", one.figure(CLUSTERING)) for row, parts in found.items() for part, one in parts.items())
    shares = (f"{name} {float(share):.3f}" for name, share in named)
    tell(f"{run.name}: {outcome.about['updates']} updates in {outcome.about['hours']:.2f} h; {', '.join(shares)}")
    for code in collapsed(found):
        tell(f"warning: {run.name}: the {code} has collapsed; it counts in the tables, which say so")


def _report(order: Order, runs: Runs, report: Report) -> None:
    found, complete = runs.outcomes(order.planned), all(runs.is_done(run) for run in order.planned)
    for section, part in ({ADDITIONS: additions} if order.adding else PARTS).items():
        figures, drawn = part(order, runs, found)
        if "claims" in figures:  # else nothing of it was asked for
            report(named(section, order.people), *_with(figures, drawn, order.people), complete)


def table3(order: Order, runs: Runs, found: Outcomes) -> Section:
    """Return Table 3, which runs it rests on, and figure 3."""
    figures = about(order.planned, runs, found) | exchange_tables.table3(_of_people(by_row(found, SEPARATION)))
    figures["runs of each row"] = rows(order.planned, found)
    figures["scaled down"] = scaled_down(order.planned, runs, found)
    curves = by_row(found, ITERATIONS)
    drawn = {
        row: exchange_pictures.course({part: own.get(row, []) for part, own in curves.items()}, row) for row in CURVED
    }
    _withhold(figures, found)
    return figures, {COURSES[row]: picture for row, picture in drawn.items() if picture is not None}


def held(order: Order, runs: Runs, found: Outcomes) -> Section:
    """Return what codes hold."""
    figures = about(order.planned, runs, found) | exchange_tables.separation(_of_people(by_row(found, SEPARATION)))
    _withhold(figures, found)
    return figures, {}


def swaps(order: Order, runs: Runs, found: Outcomes) -> Section:
    """Return how well expressions are carried over, who judges that, and figures 4 and 5."""
    figures, judge = about(order.planned, runs, found), judging.read(order.out / JUDGE)
    methods = _methods(order, runs, found)
    if judge is not None and methods:
        faces = runs.sets.swap(min(learned.side for learned in methods.values()))
        figures |= {"judge learned from": judge["learned from"], "judge sha256": judge["sha256"]}
        figures["judge's error of action units on true renders"] = judging.error(runs.bench.judge(), faces)
    figures |= exchange_tables.swap(by_row(found, SWAP).get(SWAPS, {}))
    _withhold(figures, found)
    if not methods:
        return figures, {}
    fold, by_name = next(iter(methods)).fold, {run.recipe: learned for run, learned in methods.items()}
    return figures, exchange_pictures.swaps(runs.sets, fold, by_name)


def _withhold(figures: dict[str, Any], found: Outcomes) -> None:
    """Refute nothing by runs that went through a part of their schedule: what is missed then is not resolved.

    Nor does a tie of two such rows say anything. The improved mode has no schedule.
    """
    shares = [one.about["share"] for one in found.values() if one.failed is None]
    if not shares or min(shares) >= 1:
        return
    for name, row in figures["claims"].items():
        tied = "may tie" in row["wished"] and row["found"] is not None and row["interval"][0] <= 0
        if (row["verdict"] == "does not hold" or tied) and IMPROVED not in name:
            row["verdict"] = "not resolved"
    for row in figures.get("table 3", {}).values():
        row |= {key: "not resolved" for key, word in row.items() if key.startswith("verdict") and word == "missed"}


def named(section: str, people: str) -> str:
    """Return the name under which a section is reported, of the set that was learned from."""
    return section if people == LEARNED[0] else f"{section}, {people}"


def _with(figures: dict[str, Any], drawn: Mapping[str, Image.Image], people: str) -> Section:
    """Return a section whose pictures have the names of their files; these stand, with captions, among its figures."""
    stem = PICTURES if people == LEARNED[0] else f"{PICTURES}-{people}"
    files = {name: f"{stem}-{name}{LINES if name in COURSES.values() else FACES}" for name in drawn}
    below = {file: CAPTIONS[name] for name, file in files.items()}
    return figures | {"pictures below": below}, {files[name]: picture for name, picture in drawn.items()}


def _of_people(parts: Mapping[str, dict[str, list[Measured]]]) -> dict[str, dict[str, list[Measured]]]:
    return {part: parts.get(part, {}) for part in PEOPLE}


def _methods(order: Order, runs: Runs, found: Outcomes) -> dict[Run, Learned]:
    """Open the networks with two codes of the first group that has any."""
    for group in order.groups:
        own = [run for run in group if run in found and SWAP in found[run].found and order.exchanges(run.recipe)]
        if own:
            return {run: runs.model(run) for run in own}
    return {}


def additions(order: Order, runs: Runs, found: Outcomes) -> Section:
    """Return what single parts of ③ and `advanced` add to ①."""
    figures = about(order.planned, runs, found)
    codes = _of_people(by_row(found, SEPARATION))
    figures |= exchange_tables.additions(codes, by_row(found, SWAP).get(SWAPS, {}), tuple(ADDED))
    figures["runs of each row"] = rows(order.planned, found)
    figures["scaled down"] = scaled_down(order.planned, runs, found)
    _withhold(figures, found)
    return figures, {}


def improved(order: Order, runs: Runs, found: Outcomes) -> Section:
    """Return what makes the code of the improved mode."""
    del found
    folder, figures = order.out / CODES, dict(runs.sets.about)
    if not exchange_codes.finished(folder):
        return figures, {}
    side = order.alike.recipe(IMPROVED).network.side
    table = exchange_codes.of_all_folds(runs.sets, side, folder, order.alike.separation)
    figures |= {"folds": FOLDS, "side": side}
    return figures | exchange_tables.variants(table, exchange_codes.WHOLE, exchange_codes.GAPS), {}


def recognised(order: Order, runs: Runs, found: Outcomes) -> Section:
    """Return what recognisers on the code are worth beside the same trunk on pixels."""
    figures, config = about(order.planned, runs, found), order.recognising
    rows: dict[str, list[exchange_recognisers.Rows]] = {}
    for run, outcome in found.items():
        if config is not None and run.recipe in exchange_recognisers.ROWS and outcome.failed is None:
            one = exchange_recognisers.stored(runs.model(run), config, runs.place(run))
            if one:
                rows.setdefault(run.recipe, []).append(one)
    if config is not None and rows:
        figures |= {"steps of each recogniser": config.steps, "seeds of each recogniser": config.seeds}
        figures |= recogniser_tables.figures({name: recogniser_tables.merged(own) for name, own in rows.items()})
        _withhold(figures, found)
    return figures, {}


Part = Callable[[Order, Runs, Outcomes], Section]
PARTS: dict[str, Part] = {
    "table3": table3,
    "separation": held,
    "swap": swaps,
    "improved": improved,
    "recogniser": recognised,
}
"""Sections of the results. Further ones are added here; what they need to know of every run is added to
`exchange_measures.MEASURES`, and measured of finished runs without training them again."""
ADDITIONS = "additions"
"""The section of what single parts add to ①, which is reported instead of the others."""
PICTURES = "system-b"
COURSES = {row: f"course-{row}" for row in CURVED}
"""Pictures of accuracy by iteration; all others show faces."""
CAPTIONS = {
    "course-iterated": "Figure 3: accuracy of clusters after every iteration of row ④; bars are 95 % intervals over "
    "people, broken lines what the source reports in the end",
    "train": "Figure 4, people learned from: whose face, whose expression, and what each method makes of it",
    "test": "Figure 4, unseen people: whose face, whose expression, the true render, and what each method makes of it",
    "strips": "Figure 5: from an unseen person's face at rest to the expression of another one, in steps of a tenth",
}
