"""What can be said of valence, arousal and action units on faces whose truth nobody coded.

Photographs with expressions, smiling and neutral portraits, generated faces with annotated affect, and rendered faces
of which all is known. None of them replaces faces scored by FACS coders (`evaluation.labelled` measures on those).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kaoiro.core.labels import AFFECT_HEAD, MEASURED_UNITS, UNITS_HEAD, unit_title
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets import synthetic
from kaoiro.data.splits import Part
from kaoiro.evaluation import crops, photographs
from kaoiro.evaluation.answers import answers, asked, units_of
from kaoiro.evaluation.portraits import smiles
from kaoiro.evaluation.scores import MEAN, affect_table, unit_table
from kaoiro.metrics.paired import mcnemar

TOGETHER = "one trunk for everything"
"""Source of the figures of a network that learned expressions with everything else."""
CLAIM = "FER+ accuracy, all tasks - expressions alone"
_ONE_TRUNK = "one trunk, not shipped"
NOT_MEASURED = {"found": None, "interval": None, "wished": "at least 0", "verdict": "not measured yet"}
FRAMES = 5_000
"""Of rendered test people that are looked at, about: every so many of all."""


def of_generated(model: ModelFolder, root: str, part: Part, threads: int | None = None) -> dict[str, Any]:
    """Measure valence and arousal on DiffusionFER.

    Args:
        model: with the head 'affect'.
        root: folder of the set.
        part: 'report', or 'development': of that only the fifth that no network learned from.
        threads: of ONNX Runtime.

    Raises:
        DataError: files are missing, or no face was found.
    """
    faces = crops.generated_part(crops.generated(root, model.specification.size), part)
    found = answers(model, faces.pixels, threads)
    assert faces.subjects is not None
    table = affect_table(found, faces.targets[AFFECT_HEAD], faces.subjects)
    return {"part": part, "faces": len(faces), "valence and arousal": table}


def of_rendered(model: ModelFolder, root: str, threads: int | None = None) -> dict[str, Any]:
    """Measure units, valence and arousal on the test people of a set of the FACS world.

    A unit is present from the set's own intensity on (0.2); frames between clearly absent and clearly present count
    like all others.

    Raises:
        DataError: no set, or one without test people.
    """
    data = synthetic.read(root)
    splits = [name for name in ("test", "paper-test", "further-test") if name in set(data.table["split"])]
    rows = data.select(splits or "test", "evaluation")
    every = max(1, len(rows) // FRAMES)
    faces = crops.rendered(data, rows[::every], model.specification.size)
    found = answers(model, faces.pixels, threads)
    assert faces.subjects is not None
    present_from = model.specification.head(UNITS_HEAD).present_from
    shown, clear = crops.truth(data, faces), crops.clear(faces)
    return {
        "set": str(data.settings.get("set")),
        "faces": len(faces),
        "of every": every,
        "people": len(set(faces.subjects.tolist())),
        "valence and arousal": affect_table(found, faces.targets[AFFECT_HEAD], faces.subjects),
        "units": unit_table(units_of(model, found), shown, present_from, faces.subjects, clear),
    }


def evaluate(
    model: ModelFolder,
    against: ModelFolder,
    root: str,
    london: str | None = None,
    generated: str | None = None,
    rendered: str | None = None,
    split: str = "val",
    part: Part = "report",
    together: ModelFolder | None = None,
    earlier: Mapping[str, Any] | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Return all figures for which data are named.

    Args:
        model: with the heads 'affect' and 'units'.
        against: the model of expressions that it must not fall behind.
        root: folder of the official files of FER2013.
        london: folder of the London set.
        generated: folder of DiffusionFER.
        rendered: folder of a set of the FACS world.
        split: of FER2013.
        part: of the sets without splits; 'development' is for choices only.
        together: a network that learned expressions with everything else in one trunk; its expressions are compared
            with `against`, too.
        earlier: stored figures of this kind, whose comparison of such a network is kept where `together` is None.
        threads: of ONNX Runtime; None leaves it to the runtime.

    Returns:
        Tables by source; `wishes`, and `claims` (rows of `docs/results/claims.md`).

    Raises:
        DataError: files are missing.
        ModelError: the model lacks a head.
    """
    asked(model)
    seen = photographs.read(root, split)
    sources = {f"FER2013 {seen.part}": photographs.measure(model, against, seen, threads)}
    if london is not None:
        sources["London"] = smiles(model, london, part, threads)
    if generated is not None:
        sources["DiffusionFER"] = of_generated(model, generated, part, threads)
    if rendered is not None:
        sources["rendered"] = of_rendered(model, rendered, threads)
    one = kept(earlier)
    if together is not None:
        table = photographs.compare(together, against, seen, threads)
        claim = no_loss(table[photographs.ALL])
        one = {"table": {part: row | {"model": _ONE_TRUNK} for part, row in table.items()}, "claim": claim}
    found = {"model": model.name, "model_sha256": model.digest, "wishes": wishes(sources, one["table"])}
    if same_expressions(model, against):
        found["expressions"] = f"to the last bit those of '{against.name}': its graph is part of the model's"
    found["claims"] = {CLAIM: one["claim"]}
    return found | _flat(sources | ({TOGETHER: {"expressions": one["table"]}} if one["table"] else {}))


def _flat(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return tables and single figures of all sources under one name each."""
    found: dict[str, Any] = {}
    for name, figures in sources.items():
        plain = {key: value for key, value in figures.items() if not isinstance(value, dict)}
        found |= {f"{name}: what": {"": plain}} if plain else {}
        found |= {f"{name}: {key}": table for key, table in figures.items() if isinstance(table, dict)}
    return found


def same_expressions(model: ModelFolder, against: ModelFolder) -> bool:
    """Tell whether a joined model has its expressions from the very graph of another one, or is that."""
    parts = model.description.provenance.settings.get("parts") or [{}]
    return against.digest in (model.digest, parts[0].get("graph_sha256"))


def kept(earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the stored comparison of a network that learned everything in one trunk, with the day that it is from.

    Args:
        earlier: figures of `evaluate` as they were stored, with their stamp; None where there are none.

    Returns:
        'table' (empty where none is stored) and 'claim'.
    """
    stored = earlier or {}
    claim, table = stored.get("claims", {}).get(CLAIM), stored.get(f"{TOGETHER}: expressions")
    if claim is None or not table:
        return {"table": {}, "claim": NOT_MEASURED}
    when = f"measured earlier: {stored.get('measured')}, commit {stored.get('commit')}"
    return {"table": {name or photographs.ALL: _dated(row, when) for name, row in table.items()}, "claim": claim}


def _dated(row: Mapping[str, Any], when: str) -> dict[str, Any]:
    """Return a stored row with the day of its measurement, unless it has one, and with the test of its counts."""
    return {"measured": when, **row, "model": _ONE_TRUNK, "p (McNemar)": mcnemar(*row["right alone"])}


def wishes(sources: Mapping[str, Mapping[str, Any]], together: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what was wished of real faces beside what was found.

    Args:
        sources: figures by source.
        together: rows of the comparison of a network that learned everything in one trunk; may be empty.
    """
    rows: dict[str, dict[str, Any]] = {}
    for name, figures in sources.items():
        if "expressions" in figures:
            rows[f"{name}: points of accuracy lost"] = _lost(figures["expressions"][photographs.ALL])
        if name == "London":
            told = figures["smiling against neutral"]
            for what, least in ((unit_title("au_12"), 0.98), ("valence", 0.95)):
                rows[f"London: AUC of {what}"] = wish(told[what]["AUC"], told[what]["interval"], least)
        if name == "DiffusionFER":
            told = figures["valence and arousal"]
            for what, least in (("valence", 0.7), ("arousal", 0.5)):
                rows[f"DiffusionFER: CCC of {what}"] = wish(told[what]["CCC"], told[what]["interval"], least)
    if together:
        rows[f"points of accuracy lost by {TOGETHER}, which does not ship"] = _lost(together[photographs.ALL])
    return rows


def _lost(compared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of points lost; a model that has the very graph of the other cannot lose any."""
    row = wish(compared["loss in points"], compared["interval of the loss"], 1, -1)
    if not compared["loss in points"] and not any(compared["right alone"]):
        row["verdict"] += " by construction: the same answers"
    return row


def wish(found: float, interval: list[float] | None, limit: float, sign: int = 1) -> dict[str, Any]:
    """Return a row; the verdict goes by the whole 95 % interval, and says what the figure alone would.

    Args:
        found: the figure.
        interval: its ends; None is the figure itself.
        limit: that is wished.
        sign: -1 wishes at most the limit.
    """
    ends = [found, found] if interval is None else interval
    low, high = (sign * end for end in (ends if sign > 0 else ends[::-1]))
    if low >= sign * limit:
        verdict = "reached"
    elif high < sign * limit:
        verdict = "missed"
    else:
        verdict = "undecided" if sign * found >= sign * limit else "not reached (undecided by the interval)"
    word = "at least" if sign > 0 else "at most"
    return {"wished": f"{word} {limit:g}", "found": found, "interval": interval, "verdict": verdict}


def no_loss(compared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of the claim that learning everything together costs expressions nothing, in accuracy 0-1."""
    found, interval = -compared["loss in points"] / 100, compared["interval of the loss"]
    low, high = (found, found) if interval is None else (-end / 100 for end in interval[::-1])
    verdict = "holds" if low >= 0 else "does not hold" if high < 0 else "undecided"
    return {"found": found, "interval": [low, high], "wished": "at least 0", "verdict": verdict}


def card_numbers(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return what of the figures belongs into the model's card, as far as it was measured."""
    found: dict[str, Any] = {}
    if "London: what" in figures:
        smiling = figures["London: smiling against neutral"]
        found["london_people"] = figures["London: what"][""]["people"]
        for name, title in {"valence": "valence", **{unit: unit_title(unit) for unit in ("au_06", "au_12")}}.items():
            found[f"london_{name}_auc"] = smiling.get(title, {}).get("AUC")
    for source, prefix in (("DiffusionFER", "diffusionfer"), ("rendered", "rendered")):
        for name, row in figures.get(f"{source}: valence and arousal", {}).items():
            found |= {f"{prefix}_{name}_ccc": row["CCC"]}
            found |= {f"{prefix}_{name}_{sd}": row.get(label) for sd, label in _COVERAGE.items()}
    units = figures.get("rendered: units", {})
    found |= {f"rendered_units_{word}": units[MEAN][label] for word, label in _MEANS.items() if MEAN in units}
    for unit in (unit for unit in MEASURED_UNITS.labels if unit_title(unit) in units):
        found[f"rendered_{unit}_ece"] = units[unit_title(unit)]["ECE"]
    return {name: round(float(value), 4) for name, value in found.items() if value is not None}


_COVERAGE = {"within_1_sd": "within 1 sd (0.68)", "within_1.96_sd": "within 1.96 sd (0.95)"}
_MEANS = {"auc": "AUC", "f1": "F1"}
