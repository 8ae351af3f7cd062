"""Figures of system C's arms as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kaoiro.evaluation.arm_claims import RARE, SEEDS, labelled_imitation
from kaoiro.evaluation.arm_figures import best_language
from kaoiro.evaluation.arms import ARMS, Comparison

__all__ = ["SEEDS", "folds", "section"]
Figures = Mapping[str, Any]


def section(comparison: Comparison, figures: Figures) -> list[str]:
    """Return the blocks of one comparison."""
    blocks = [about(figures), arms(figures), "### Claims", claims(figures["claims"])]
    said = (labelled_imitation(figures["claims"], arm, comparison.backbone) for arm in comparison.language)
    blocks += [f"* {text}" for text in said if text]
    for name, one in figures["annotations"].items():
        blocks += [f"### {one['labels'][0].upper()}{one['labels'][1:]} ({one['images']} images)"]
        blocks += _annotation(comparison, one)
        best = best_language(figures, comparison)
        for arm in (comparison.backbone, best):
            if arm is not None and arm in one["arms"]:
                blocks.append(_classes(arm, one["arms"][arm]))
        if name == "ferplus" and one["second heads"]:
            blocks.append("Arms that also learned the votes, answering with that head (contempt left out):")
            blocks.append(_levels({arm: found["measures"] for arm, found in one["second heads"].items()}))
    return blocks


def about(figures: Figures) -> str:
    """Return what all runs have alike, in one paragraph."""
    settings = "".join(f", {path} {value}" for path, value in figures["settings"].items())
    hours = "" if figures["budget_hours"] is None else f", decided from {figures['budget_hours']:g} hours for all runs"
    return f"Measured {figures['measured']} at {figures['commit']}; {figures['epochs']} epochs{hours}{settings}."


def arms(figures: Figures) -> str:
    rows = []
    for arm, seeds in figures["seeds"].items():
        costs = [one["cost"] for name, one in figures["runs"].items() if name.startswith(f"{arm}, ")]
        rows.append([arm, ARMS[arm], str(seeds), costs[0]])
    return table(["arm", "what it is", "runs", "cost of the first"], rows)


def claims(rows: Figures) -> str:
    known = {name: one for name, one in rows.items() if one["found"] is not None}
    lines = [
        [name, _number(one["found"]), _between(one["interval"]), one["wished"], one["verdict"], _note(one)]
        for name, one in known.items()
    ]
    left = len(rows) - len(known)
    told = f"Not measured yet: {left} more, of arms that were not run." if left else ""
    shown = table(["claim", "ours", "interval", "wished", "verdict", ""], lines) if lines else ""
    return "\n\n".join(block for block in (shown, told) if block)


def _note(row: Figures) -> str:
    """Return what else a row says: p, precision, against whom, seeds."""
    told = {"p": "p {:.2g}", "precision": "precision {:+.3f}", "against": "against {}", "seeds": "seeds: {}"}
    return ", ".join(text.format(row[name]) for name, text in told.items() if row.get(name) is not None)


def _annotation(comparison: Comparison, one: Figures) -> list[str]:
    arms = {arm: found["measures"] for arm, found in one["arms"].items()}
    for arm, found in one["dedup"].get("arms", {}).items():
        arms[arm] = arms[arm] | {f"{name}, dedup": found[name] for name in ("accuracy", "macro recall")}
    blocks = [_levels(arms)]
    if one["gaps"]:
        blocks += ["Each arm with words less each arm without, the same seeds:", _gaps(one["gaps"])]
        blocks += [
            "NEG2 recall where fear and disgust are made likelier, or less so, until NEG2 precision is that of the "
            "other arm (read along the curve on the same images):",
            _equal(one["equal precision"]),
        ]
    if one["probe"]:
        blocks += ["A linear probe of the image feature, beside the answer by texts or linear layer:", _probe(one)]
    return blocks


def _levels(arms: Mapping[str, Figures]) -> str:
    names = list(next(iter(arms.values())))
    rows = [[arm, *(_spread(found.get(name)) for name in names)] for arm, found in arms.items()]
    return table(["arm", *names], rows)


def _gaps(gaps: Mapping[str, Figures]) -> str:
    names = ("accuracy", "macro recall", "NEG recall", "NEG precision", "NEG2 recall", "NEG2 precision")
    head = ["arms", *names, "accuracy, dedup", "McNemar p by seed", "together"]
    rows = []
    for pair, one in gaps.items():
        test = one["mcnemar"]
        by_seed = ", ".join(f"{p:.2g}" for p in test["p by seed"]) or "–"
        together = "–" if test["p pooled"] is None else f"{test['p pooled']:.2g}"
        cells = [*(_gap(one["all"][name]) for name in names), _gap(one["dedup"].get("accuracy"))]
        rows.append([pair, *cells, by_seed, together])
    return table(head, rows)


def _equal(pairs: Mapping[str, Figures]) -> str:
    rows = [[pair, *(_gap(found) for found in one.values())] for pair, one in pairs.items()]
    return table(["arms", "NEG2 recall", "NEG2 precision left over"], rows)


def _probe(one: Figures) -> str:
    names = ("accuracy", "macro recall", "NEG2 recall")
    rows = [
        [arm, *(f"{_spread(one['arms'][arm]['measures'][name])} / {_spread(found[name])}" for name in names)]
        for arm, found in one["probe"].items()
    ]
    return table(["arm", *(f"{name}: answer / probe" for name in names)], rows)


def _classes(arm: str, found: Figures) -> str:
    """Return recall, precision and F1 of each class, and the confusion matrix with counts."""
    per_class = [
        [label, *(_number(one[name]) for name in ("recall", "precision", "f1")), str(one["support"])]
        for label, one in found["per class"].items()
    ]
    matrix, seeds = found["confusion"], len(found["confusion"]["by seed"])
    counts = [[label, *map(str, row)] for label, row in zip(matrix["labels"], matrix["counts"], strict=True)]
    return "\n\n".join(
        [
            f"**{arm}**",
            table(["class", "recall", "precision", "F1", "images"], per_class),
            table([f"true \\ answered (counts, {seeds} seeds together)", *matrix["labels"]], counts),
        ]
    )


def folds(figures: Figures) -> list[str]:
    """Return the blocks of the cross-validation."""
    blocks = [about(figures), "### Claims of rare expressions", claims(figures["claims"])]
    if not figures["arms"]:
        return [*blocks, "No arm has all folds yet."]
    names = [f"{what} of {label}" for label in RARE for what in ("recall", "precision")]
    rows = [[arm, *(level(found["rare"][name]) for name in names)] for arm, found in figures["arms"].items()]
    support = next(iter(figures["arms"].values()))["per class"]
    faces = ", ".join(f"{support[label]['support']} of {label}" for label in RARE)
    blocks += [f"{figures['images']} faces, {faces}:", table(["arm", *names], rows)]
    if figures["gaps"]:
        gaps = [[pair, *(_gap(found[name]) for name in names)] for pair, found in figures["gaps"].items()]
        blocks.append(table(["arms", *names], gaps))
    return blocks


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _between(interval: Sequence[float] | None) -> str:
    return "–" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"


def _spread(found: Figures | None) -> str:
    """Return a mean beside the standard deviation over seeds."""
    if found is None or found["found"] is None:
        return "–"
    return f"{found['found']:.3f}" + (f" ± {found['sd']:.3f}" if found.get("sd") is not None else "")


def level(found: Figures | None) -> str:
    """Return a figure with its interval."""
    if found is None or found["found"] is None:
        return "–"
    return f"{found['found']:.3f} ({_between(found['interval'])})"


def _gap(found: Figures | None) -> str:
    """Return a difference with its interval, and the spread over seeds."""
    if found is None or found["found"] is None:
        return "–"
    ends = "" if found["interval"] is None else " ({:+.3f} to {:+.3f})".format(*found["interval"])
    return f"{found['found']:+.3f}{ends}" + ("" if found["sd"] is None else f" sd {found['sd']:.3f}")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
