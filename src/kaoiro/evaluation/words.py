"""How well do the scores of words tell faces that show them? Rendered people, smiling portraits, annotated faces.

A word is true of a rendered face that shows all of its main units at visible intensity and none of those that it says
are absent, with valence and arousal in its ranges. Units that only lean a score, and expressions, are no part of it.
Legend: N faces.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.files import write_text
from kaoiro.core.labels import ACTION_UNITS, AFFECT, AFFECT_HEAD, EXPRESSION, EXPRESSIONS, project
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.revision import commit
from kaoiro.core.types import expression_column
from kaoiro.data.datasets import synthetic
from kaoiro.data.splits import Part, part_of
from kaoiro.evaluation import crops, report
from kaoiro.evaluation import readers as sides
from kaoiro.evaluation.answers import answers
from kaoiro.evaluation.portraits import separation
from kaoiro.evaluation.scores import shown
from kaoiro.inference.classifier import Answers
from kaoiro.inference.heads import columns
from kaoiro.inference.words import readers, reliability
from kaoiro.inference.words.asked import measured, refusal
from kaoiro.inference.words.entry import MAIN, Entry
from kaoiro.inference.words.glossary import Glossary
from kaoiro.inference.words.reliability import Alarms, Elsewhere, Reliability
from kaoiro.inference.words.scoring import score
from kaoiro.metrics.agreement import area_under_curve
from kaoiro.metrics.calibration import binary_calibration_error
from kaoiro.metrics.resampling import area_interval

NAME = "words"
UNSEEN = ("test", "paper-test", "further-test")
"""Splits of rendered sets whose people no shipped model learned from."""
FEW_PEOPLE, FEW_FACES = 10, 50
"""People, and faces, who must show a word before anything is said of it."""
SMILES = ("smile",)
"""Words that smiling against neutral portraits say something of: those are all that the London set's labels tell."""
PHOTOGRAPHS = "smiling against neutral portraits (London)"
ANNOTATED = "generated faces annotated by people (DiffusionFER)"
ALARMS = "portraits where nobody does (London)"
WEB = "photographs from the web where few do (FER2013)"
_LEVELS = f"good from {reliability.GOOD:g} on, fair from {reliability.FAIR:g} on, else weak"
_HEAD = f"""# Words

What `kaoiro analyze --classes` adds, measured word by word ([how to use it](../how-to/words.md)). A word says how a
face looks, never what somebody feels; what is measured here is whether its score goes with the facial actions that it
stands for, not whether they are what people mean by it.

**Rendered people** whom the model did not learn from. A word is true of a face that shows all of its main units from
the set's own intensity on (0.2) and none of those that it says are absent, with valence and arousal in its ranges.
`AUC` is against all other faces, most of which show nothing of the word; `near` is against faces that show some of its
units and not all that it says. ECE: calibration error of the score. Intervals: 95 %, bootstrap over people.

**Acts.** Words for which the model is not enough (closed eyes, winks, yawns, what one side does alone) need
[readers](readers.md) and are measured on a set of its own, `syn-acts`, for expressions show nothing of them: there an
eye is closed from intensity 0.65 on and open below 0.3, and a unit is of one side if that goes 0.2 beyond twice the
other. `near` is against faces that show something like it: both sides for one, half-closed eyes, a dropped jaw.

**Other faces.** Real ones were coded by nobody. Smiling and neutral portraits (London, report part) say something of
`smile` alone; every other word is unmeasured on real faces. Words that are ranges of valence and arousal are also
measured on generated faces whose valence and arousal people annotated (DiffusionFER, report part). Nobody in the
portraits closes the eyes, winks, yawns or smirks: a word of readers that scores 0.5 or more there is wrong. Of the
people on photographs from the web (FER2013, PublicTest) some do, and nobody counted them; turned heads, hands and
shadows make it a harder test all the same.

`level` goes by the lowest of all lower ends of these intervals: {_LEVELS}; weak is also
what scores 0.5 or more in over {reliability.ALARMING:.0%} of portraits or photographs from the web.
Nothing is said where fewer than {FEW_PEOPLE} people or {FEW_FACES} faces show a word, or show some of its units without
being what it says. Refused are words whose main actions the model does not measure. Written by
`kaoiro evaluate words --set SYN-MT SYN-ID --acts SYN-ACTS --london DIR --generated DIR --fer2013 DIR --write
--results docs/results`; the rule of the scores was chosen on other people ([words-choice](words-choice.md)).
"""


@dataclass(frozen=True)
class Faces:
    """Rendered faces with what a model says of them and what is true.

    Attributes:
        measured: by column of records and of readers, (N,); NaN where the model gave nothing.
        units: by column, (N,) bool: whether each of the 20 units of the world, and what readers answer, is visible.
        affect: by name, (N,) true valence and arousal.
        people: (N,) names, those of different sets apart.
        alike: by column of readers, (N,) bool: whether faces show something like it instead.
    """

    measured: Mapping[str, np.ndarray]
    units: Mapping[str, np.ndarray]
    affect: Mapping[str, np.ndarray]
    people: np.ndarray
    alike: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.people)


def rendered(
    model: ModelFolder, sets: Sequence[str], splits: Sequence[str] = UNSEEN, threads: int | None = None
) -> Faces:
    """Return what a model says of all frames of people of some splits.

    Raises:
        DataError: a set that is none, or without such people.
    """
    parts = [_of_set(model, root, splits, threads) for root in sets]
    tables = [{name: getattr(part, name) for name in ("measured", "units", "affect", "alike")} for part in parts]
    joined = {name: _joined([table[name] for table in tables]) for name in tables[0]}
    return Faces(**joined, people=np.concatenate([part.people for part in parts]))


def _joined(tables: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _of_set(model: ModelFolder, root: str, splits: Sequence[str], threads: int | None) -> Faces:
    data = synthetic.read(root)
    there = [name for name in splits if name in set(data.table["split"])]
    rows = data.select(there or splits, "evaluation")
    faces, table = crops.rendered(data, rows, model.specification.size), data.table.iloc[rows]
    least = float(data.settings.get("unit_active", crops.ACTIVE))
    said = by_column(answers(model, faces.pixels, threads), model) | sides.read(data, rows, faces.pixels)
    units = {unit: table[unit].to_numpy(np.float32) >= np.float32(least) for unit in ACTION_UNITS.labels}
    strong = sides.intensities(data.sides[rows], table["au_27"].to_numpy(np.float32))
    shows, alike = sides.truth(strong, table["au_26"].to_numpy(np.float32))
    affect = {name: table[name].to_numpy(np.float64) for name in AFFECT.labels}
    name = data.settings.get("set")
    people = np.array([f"{name}/{person}" for person in table["subject"]])
    return Faces(said, units | shows, affect, people, alike)


def by_column(found: Answers, model: ModelFolder) -> dict[str, np.ndarray]:
    """Return a model's answers for N faces as records have them: by column, (N,); NaN where it gave nothing."""
    expression = model.specification.head(EXPRESSION)
    shares = project(found.heads[EXPRESSION], expression.vocabulary, EXPRESSIONS)
    further = columns(found.heads, model.specification)
    known = {expression_column(label): shares[:, k] for k, label in enumerate(EXPRESSIONS.labels)}
    others = (name for name in measured(model) if name not in known)
    return known | {name: np.array([one.get(name, np.nan) for one in further]) for name in others}


def truth(entry: Entry, faces: Faces) -> np.ndarray:
    """Return which faces a word is true of: (N,) bool."""
    units = [faces.units[entry.reading(unit)] for unit, weight in entry.present.items() if weight == MAIN]
    units += [~faces.units[unit] for unit, weight in entry.absent.items() if weight == MAIN]
    ranges = [(low <= faces.affect[name]) & (faces.affect[name] <= high) for name, (low, high) in entry.ranges.items()]
    return np.logical_and.reduce([np.ones(len(faces), bool), *units, *ranges])


def near(entry: Entry, faces: Faces) -> np.ndarray:
    """Return which faces show some of a word's main units without being what it says: (N,) bool."""
    columns = [entry.reading(unit) for unit, weight in entry.present.items() if weight == MAIN]
    main = [faces.units[name] for name in columns] + [faces.alike[name] for name in columns if name in faces.alike]
    return np.logical_or.reduce([np.zeros(len(faces), bool), *main]) & ~truth(entry, faces)


def measure(
    model: ModelFolder,
    glossary: Glossary,
    sets: Sequence[str],
    london: str | None = None,
    generated: str | None = None,
    part: Part = "report",
    threads: int | None = None,
    acts: str | None = None,
    web: str | None = None,
) -> dict[str, Any]:
    """Measure every entry that a model can tell.

    Args:
        model: measures.
        glossary: whose entries.
        sets: folders of rendered sets with people of `UNSEEN`.
        london: folder of the London set.
        generated: folder of DiffusionFER.
        part: of the faces of both.
        threads: of ONNX Runtime.
        acts: folder of a syn-acts set, on whose people words that need readers are measured; None takes `sets`.
        web: folder of the official files of FER2013: photographs on which readers are often tried.

    Returns:
        Figures; the table 'words' has a row for each entry that the model can tell, 'refused' for the others.

    Raises:
        DataError: files or people are missing, or the model can tell no entry.
    """
    why = {entry.name: refusal(entry, model) for entry in glossary}
    told = [entry for entry in glossary if not why[entry.name]]
    if not told:
        raise DataError(f"model '{model.name}' can tell no word of the glossary; it lacks action units")
    faces, others = rendered(model, sets, threads=threads), dict[str, dict[str, Any]]()
    acted = faces if acts is None else rendered(model, [acts], threads=threads)
    if london is not None:
        others[PHOTOGRAPHS] = portraits(model, told, london, part, threads)
    if generated is not None:
        others[ANNOTATED] = annotated(model, told, generated, part, threads)
    wrong: dict[str, dict[str, dict[str, Any]]] = {}
    if london is not None:
        wrong[ALARMS] = alarms(model, told, *sides.portrayed(london, part)[:2], threads)
    if web is not None:
        wrong[WEB] = alarms(model, told, *sides.photographed(web), threads)
    rows = {entry.name: row(entry, acted if entry.read else faces) for entry in told}
    figures: dict[str, Any] = {
        "of model": model.name,
        "model_sha256": model.digest,
        "readers_sha256": readers.digest(),
        "sets": [str(synthetic.read(root).settings.get("set")) for root in (*sets, *([acts] if acts else []))],
        "faces": len(faces),
        "people": len(np.unique(faces.people)),
        **({} if acts is None else {"faces of acts": len(acted), "people of acts": len(np.unique(acted.people))}),
        "words": {name: _level(name, found, others, wrong) | found for name, found in rows.items()},
    }
    refused = {"refused": {name: {"why": text} for name, text in why.items() if text}}
    return figures | {name: table for name, table in {**others, **wrong, **refused}.items() if table}


def _level(
    name: str,
    found: Mapping[str, Any],
    others: Mapping[str, Mapping[str, Any]],
    wrong: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> dict[str, str]:
    """Return the level of a word by the lowest lower end of all of its intervals, and by its alarms."""
    if found["AUC"] is None:
        return {"level": "unmeasured"}
    if any(table[name]["share"] > reliability.ALARMING for table in wrong.values() if name in table):
        return {"level": "weak"}
    further = [table[name]["interval"] for table in others.values() if name in table]
    ends = [found["interval"], found["near: interval"], *further]
    return {"level": reliability.level(*(one[0] for one in ends if one is not None))}


def row(entry: Entry, faces: Faces) -> dict[str, Any]:
    """Return the figures of a word."""
    said, there = score(entry, faces.measured), truth(entry, faces)
    part, enough = near(entry, faces), _enough(there, faces.people)
    told = enough and _enough(~there, faces.people)
    against = there | part
    close = told and (len(entry.main) > 1 or bool(entry.read)) and _enough(part, faces.people)
    auc, ends = _area(there, said, faces.people) if told else (None, None)
    auc_near, ends_near = _area(there[against], said[against], faces.people[against]) if close else (None, None)
    return {
        "stands for": entry.composition,
        "faces": int(there.sum()),
        "people": len(np.unique(faces.people[there])),
        "AUC": auc,
        "interval": ends,
        "near: faces": int(part.sum()),
        "near: AUC": auc_near,
        "near: interval": ends_near,
        "ECE": binary_calibration_error(said, there) if told else None,
        "mean where true": float(said[there].mean()) if told else None,
        "mean elsewhere": float(said[~there].mean()) if told else None,
        "entry": entry.digest,
    }


def _enough(rows: np.ndarray, people: np.ndarray) -> bool:
    return int(rows.sum()) >= FEW_FACES and len(np.unique(people[rows])) >= FEW_PEOPLE


def _area(there: np.ndarray, said: np.ndarray, people: np.ndarray) -> tuple[float, list[float] | None]:
    return area_under_curve(there, said), shown(area_interval(there, said, people), people)


def portraits(
    model: ModelFolder, entries: Sequence[Entry], root: str, part: Part, threads: int | None = None
) -> dict[str, dict[str, Any]]:
    """Return how well those of the words that mean a smile tell smiling from neutral portraits, by word.

    Raises:
        DataError: files are missing, or faces were found in one group only.
    """
    smiles = [entry for entry in entries if entry.name in SMILES]
    if not smiles:
        return {}
    faces = crops.portraits(root, model.specification.size)
    rows = np.array([part_of(person) == part for person in faces.people])
    said = by_column(answers(model, faces.pixels[rows], threads), model)
    people = faces.people[rows]
    about = {"people": len(np.unique(people)), "part": part}
    return {one.name: about | separation(score(one, said), faces.smiling[rows], people) for one in smiles}


def alarms(
    model: ModelFolder, entries: Sequence[Entry], pixels: np.ndarray, people: np.ndarray, threads: int | None = None
) -> dict[str, dict[str, Any]]:
    """Return how often words that need readers score a half or more on photographs where nobody shows them, by word.

    Args:
        model: measures.
        entries: of which those that need readers are taken.
        pixels: (N, 48, 48) uint8 crops.
        people: (N,) names.
        threads: of ONNX Runtime.
    """
    acted, found = [entry for entry in entries if entry.read], readers.shipped()
    if not acted or found is None:
        return {}
    said = by_column(answers(model, pixels, threads), model) | found.read(pixels)
    return {one.name: sides.alarms(score(one, said), people) for one in acted}


def annotated(
    model: ModelFolder, entries: Sequence[Entry], root: str, part: Part, threads: int | None = None
) -> dict[str, dict[str, Any]]:
    """Return how well words that are nothing but ranges of valence and arousal tell faces that were annotated so.

    Raises:
        DataError: files are missing, or no face was found.
    """
    ranges = [entry for entry in entries if entry.ranges and not entry.main]
    if not ranges:
        return {}
    found = crops.generated_part(crops.generated(root, model.specification.size), part)
    assert found.subjects is not None
    affect = {name: found.targets[AFFECT_HEAD][:, k].astype(np.float64) for k, name in enumerate(AFFECT.labels)}
    faces = Faces(by_column(answers(model, found.pixels, threads), model), {}, affect, found.subjects)
    rows = {entry.name: row(entry, faces) for entry in ranges}
    wanted = ("faces", "people", "AUC", "interval", "ECE", "mean where true", "mean elsewhere")
    return {name: {"part": part} | {key: one[key] for key in wanted} for name, one in rows.items()}


def reliabilities(figures: Mapping[str, Any]) -> dict[str, Reliability]:
    """Return what of the figures is kept beside the glossary, by word."""
    real, others = figures.get(PHOTOGRAPHS, {}), figures.get(ANNOTATED, {})
    wrong = {data: figures.get(data, {}) for data in (ALARMS, WEB)}
    return {
        name: _reliability(
            found,
            _elsewhere(real.get(name), PHOTOGRAPHS),
            _elsewhere(others.get(name), ANNOTATED),
            tuple(_alarms(table[name], data) for data, table in wrong.items() if name in table),
        )
        for name, found in figures["words"].items()
    }


def _alarms(found: Mapping[str, Any], data: str) -> Alarms:
    low, high = found["interval"] or (found["share"], found["share"])
    ends = _short(low), _short(high)
    return Alarms(data=data, share=_short(found["share"]), interval=ends, people=found["people"])


def _elsewhere(found: Mapping[str, Any] | None, data: str) -> Elsewhere | None:
    if found is None or found["interval"] is None:
        return None
    low, high = found["interval"]
    return Elsewhere(data=data, auc=_short(found["AUC"]), interval=(_short(low), _short(high)), people=found["people"])


def _reliability(
    found: Mapping[str, Any], real: Elsewhere | None, others: Elsewhere | None, wrong: tuple[Alarms, ...]
) -> Reliability:
    return Reliability(
        level=found["level"],
        entry=found["entry"],
        auc=_short(found["AUC"]),
        interval=_ends(found["interval"]),
        near=_short(found["near: AUC"]),
        near_interval=_ends(found["near: interval"]),
        shown=found["faces"],
        people=found["people"],
        real=real,
        annotated=others,
        alarms=wrong,
    )


def _short(value: Any) -> Any:
    return None if value is None else round(value, 4)


def _ends(ends: Sequence[float] | None) -> tuple[float, float] | None:
    return None if ends is None else (_short(ends[0]), _short(ends[1]))


def write(folder: Path, figures: Mapping[str, Any]) -> None:
    """Write words.md and words.json."""
    stamp = {"measured": datetime.date.today().isoformat(), "commit": commit()}
    stamped = {**stamp, "machine": report.machine(), **figures}
    write_text(folder / f"{NAME}.json", json.dumps(stamped, indent=2, ensure_ascii=False))
    write_text(folder / f"{NAME}.md", f"{_HEAD}\n{report.text(stamped)}")
