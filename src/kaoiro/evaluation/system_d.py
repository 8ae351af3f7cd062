"""The results of system D: one file of figures and one page, in sections that different commands write."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from kaoiro.core.errors import InputError
from kaoiro.core.files import write_text
from kaoiro.core.revision import commit
from kaoiro.evaluation import claims, report

NAME = "system-d"
SECTIONS = {
    "rendered": (
        "On rendered people",
        "Networks of equal trunk, steps and faces a step, learned from the training people of `syn-mt` and measured on "
        "all frames of its test people, whose every label is known. The strided network, unless a row says 'light' or "
        "'coupled' (the light one). Chosen on the people of 'val': for every network, the threshold of each action "
        "unit, and the window of what is smoothed. Figures are means over seeds ± their standard deviation; CCC over "
        "all test frames at once, F1w weighted by support. AU F1, TA_bal: means over eight action units; TA_pool: "
        "right decisions over all units and frames; TA_exact: frames with all units right (whoever calls everything "
        "absent is hard to beat in both: units are rare); P: mean CCC + F1 macro + AU F1. Intervals: test people and "
        "seeds drawn again, the same for both networks of a difference; seeds also decide which videos keep their "
        "labels, and below three of them nothing is judged. A setting is within a standard deviation (over its seeds) "
        "of the best if its difference from the best other one on 'val' lies above minus that. Written by `kaoiro "
        "reproduce D`.",
    ),
    "generator": (
        "With a generator",
        "Networks that also judge whether a face is generated ('adversarial'), beside the same networks that see the "
        "same labelled faces in the same order and no generator: those of the section above. Faces without labels are "
        "seen by judges alone. The generator is told a condition where all three tasks are learned, and none beside "
        "valence-arousal + action units. Written by `kaoiro reproduce D`.",
    ),
    "faces": (
        "Generated faces",
        "The generator that ships, beside rendered people whom it never saw; 'real' are rendered faces here. The "
        "judge of conditions learned from rendered faces by another seed; 'condition_real' is what it says of "
        "unseen rendered ones: the ceiling. Precision and recall of other people are those of rendered faces of "
        "training people; whoever has more precision than these lies nearer to the middle than people do. Halves of "
        "the unseen faces show the same people. Features are those of a network that reads expressions: of copies and "
        "of how much people differ they say little. 'condition_units' are read where units occur with all that goes "
        "with them; asked for alone (read by `affect`, which knows real faces; `kaoiro evaluate asked`), a unit is "
        "shown where an expression shows it, and hardly where none does: in the training set both occur together. "
        "To learn from: equal networks, as many generated faces as real ones "
        "('both': twice as many) and conditions as labels, tested on the unseen people, whom intervals draw again; of "
        "'both', half of every step's faces are real, as many as in half the steps of real faces alone. Nuisances: "
        "the condition names no turn of the head and no light, so both can only come by chance, within the range of "
        "the set. The world has nothing that hides a face, so nothing is said of occlusion. Written by "
        "`kaoiro evaluate generator`.\n\n"
        "Six people who do not exist, with seven expressions each:\n\n![people](generated-faces.jpg)\n\n"
        "Unseen faces from one end of a nuisance to the other, and generated faces likewise, as a linear regression "
        "reads it from their pixels (what it hardly reads is left out):\n\n"
        "![nuisances](generated-nuisances.jpg)",
    ),
    "real": (
        "On real faces",
        "The model that ships: valence, arousal and action units learned from photographs, generated and rendered "
        "faces together, expressions those of `stills`. Nobody scored action units on these faces; part of what "
        "expressions say of units was taught, so the areas of prototypes show that it was learned, not that it is "
        "true; each pair is set against expressions that do not name the unit. F1 at the thresholds that "
        "[were chosen on validation](thresholds-affect.md). London and DiffusionFER: people and pictures that nothing "
        "was chosen on. Where it errs most, on "
        "faces that show nobody (DiffusionFER, CC0, and rendered ones): [failures](affect-failures.jpg). Written "
        "by `kaoiro evaluate affect`.",
    ),
}
"""Titles and what stands below them, by key of the file of figures."""
_HEAD = """# System D, measured again

Kollias and Zafeiriou, "A Multi-Task Learning & Generation Framework: Valence-Arousal, Action Units & Primary
Expressions", arXiv 1811.07771: one network for valence and arousal, expressions and action units does better than one
for each. Their data, Aff-Wild, cannot be handed on; here the claims are tested where every label is known. Rendered
faces measure methods and prove nothing about real ones. What the figures say, and what falls short:
[affect](affect.md). What is wrong or unsaid in the source: [claims](claims.md).
"""
_NOTHING = "Not measured yet."


def write(folder: str | Path, section: str, figures: dict[str, Any]) -> None:
    """Write one section of system-d.json and system-d.md and leave the others as they are.

    Args:
        folder: of the results.
        section: one of `SECTIONS`.
        figures: plain values and tables; under 'claims' rows with found, interval, wished and verdict; under
            'scaled down' what was done on a smaller scale than wished, as texts.

    Raises:
        InputError: there is no such section, or the stored file is damaged.
        DataError: the figures lack a row that a claim names.
        OutputError: the folder cannot be written.
    """
    if section not in SECTIONS:
        raise InputError(f"no section '{section}'; there are: {', '.join(SECTIONS)}")
    file = Path(folder) / f"{NAME}.json"
    content = stored(file)
    stamp = {"measured": datetime.date.today().isoformat(), "commit": commit(), "machine": report.machine()}
    content[section] = {**stamp, **figures}
    _write(file, {name: content[name] for name in SECTIONS if name in content})


def _write(file: Path, content: dict[str, Any]) -> None:
    text = page(content)
    write_text(file, json.dumps(content, indent=2, ensure_ascii=False))
    write_text(file.with_suffix(".md"), text)


def add(folder: str | Path, section: str, figures: dict[str, Any]) -> None:
    """Add tables to a section, or replace them, and leave its other figures and their stamp as they are.

    Args:
        folder: of the results.
        section: one of `SECTIONS`; that it is measured later adds to it.
        figures: tables, as of `write`.

    Raises:
        InputError: there is no such section, or nothing in it yet.
        OutputError: the folder cannot be written.
    """
    file = Path(folder) / f"{NAME}.json"
    content = stored(file)
    if section not in content:
        raise InputError(f"{file} has no section '{section}' yet: measure that first")
    content[section] |= figures
    _write(file, content)


def check(folder: str | Path) -> None:
    """Refuse results to which no section can be added, before hours are spent on one.

    Raises:
        InputError: the stored file is damaged.
        DataError: a stored section lacks a row that a claim names.
    """
    page(stored(Path(folder) / f"{NAME}.json"))


def stored(file: Path) -> dict[str, Any]:
    """Return the sections that are written already.

    Raises:
        InputError: the file is damaged.
    """
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{file} is damaged; remove it or name another folder by --results")
    return content


def page(content: dict[str, Any]) -> str:
    """Return the page of all sections."""
    rows = claims.rows(NAME, content)
    blocks = [_HEAD.rstrip(), "## Claims", claims.markdown(rows), claims.RULE]
    for name, (title, about) in SECTIONS.items():
        figures = content.get(name)
        blocks += [f"## {title}", about, *(_blocks(figures) if figures else [_NOTHING])]
    return "\n\n".join(blocks)


def _blocks(figures: dict[str, Any]) -> list[str]:
    shown = {key: _readable(value) for key, value in figures.items() if key not in ("claims", "scaled down")}
    scaled = figures.get("scaled down", [])
    notes = ["**scaled down**\n\n" + "\n".join(f"* {text}" for text in scaled)] if scaled else []
    return [report.text(shown), *notes]


def _readable(value: Any) -> Any:
    """Return tables whose means stand beside their standard deviations in one cell."""
    if not isinstance(value, dict):
        return value
    if "mean" in value and set(value) <= {"mean", "sd"}:
        return f"{value['mean']:.3f} ± {value['sd']:.3f}" if "sd" in value else f"{value['mean']:.3f}"
    return {key: _readable(one) for key, one in value.items()}
