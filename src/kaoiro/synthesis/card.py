"""The data card of a set: what it is, how it came about, and what it cannot show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from kaoiro.core.labels import AFFECT_CENTRES
from kaoiro.synthesis.assets import REPOSITORY
from kaoiro.synthesis.difficulty import Difficulty
from kaoiro.synthesis.prototypes import TABLES, Prototype

_ABOUT = {
    "syn-id": "clips of the seven expressions of every subject; training frames at equal intervals, evaluation frames "
    "from the apex only",
    "syn-posed": "the clips of syn-id once more, all clips of a person in one session: one light, one background, a "
    "head that hardly turns, as posed databases were recorded",
    "syn-vid": "one clip of one expression of each subject, all frames, three nuisance levels in turn",
    "syn-flicker": "the test clips of syn-vid once more, with flickering and changing light as their only nuisance "
    "above the low level",
    "syn-mt": "one video of several expressions, some of them blends, of each subject; every frame has valence and "
    "arousal, action units of one part and expressions of another are given away as labels",
    "syn-swap": "stills of every subject with every expression, all in the same pose and light: the true answers when "
    "an expression is carried from one person to another",
    "conference": "recordings of one speaker, neutral but for speech and planted weak episodes (episodes.csv); every "
    "planted share of time is recorded at every nuisance level",
    "syn-acts": "clips in which eyes, brows and mouth each do one thing, drawn apart from the others: eyes that close, "
    "wink or look down, brows and corners of the lips of one side alone, yawns; a few frames of each. Nothing is said "
    "of expression, valence and arousal: the columns say neutral and 0",
    "syn-ward": "one picture of each of the seven expressions of every subject, from the middle of the apex, as a "
    "cheap camera above or below a sickbed takes it: hard coloured light from one side, blur, noise, strong "
    "compression, the head turned and tilted, with more around the face than a detector's cut has: a small set to "
    "transfer to",
}


def text(described: Mapping[str, Any], manifest: pa.Table, difficulty: Difficulty) -> str:
    """Return the card in Markdown.

    Args:
        described: what set.json says, numbers included.
        manifest: rows of the set.
        difficulty: the numbers it was drawn by.
    """
    parts = [
        _head(described),
        _splits(manifest),
        *([_MEMORY[described["set"]]] if described["set"] in _MEMORY else []),
        _origin(described),
        _affect(),
        _prototypes(),
        _truth(difficulty),
        _END,
    ]
    return "\n\n".join(parts)


_BOTH = """Evaluation frames of training people that also are training frames count in both columns. Besides, {which}
neighbouring frames of it are trained on. Figures on training people therefore measure memory as well; what is learned
shows on the test subjects only."""
_MEMORY = {
    "syn-id": _BOTH.format(which="every\nexpression of a subject is one clip with one background and one light, and"),
    "syn-posed": _BOTH.format(which="every\nexpression of a subject is one clip, and"),
}

_END = f"""## What it is not

A measuring instrument: it shows whether a method separates, keeps and follows what it claims to. It cannot prove
real-world accuracy. The map of valence and arousal is a definition, not psychology.

## Licence

Rendered by kaoiro from the light model of ICT-FaceKit (MIT licence, {REPOSITORY}). No real person is shown."""


def _head(described: Mapping[str, Any]) -> str:
    name, numbers = described["set"], described["finished"]
    kind = (
        "videos of 640 × 360 pixels"
        if described["video"]
        else f"faces of {described['size']} × {described['size']} pixels"
    )
    sizes = f"{numbers['subjects']} subjects, {numbers['clips']} clips, {numbers['frames']} frames"
    return f"# {name.upper()}\n\nRendered {kind}: {_ABOUT[name]}. {sizes}; {numbers['bytes']} bytes."


def _splits(manifest: pa.Table) -> str:
    columns = ["split", "subject", "clip", "training", "evaluation", "has_units", "has_expression"]
    frame = manifest.select(columns).to_pandas()
    rows = []
    for split, part in frame.groupby("split", sort=False):
        counts = [part["subject"].nunique(), len(part[["subject", "clip"]].drop_duplicates()), len(part)]
        rows.append([str(split), *counts, *(int(part[name].sum()) for name in columns[3:])])
    both = int((frame["training"] & frame["evaluation"]).sum())
    titles = ["split", "subjects", "clips", "frames", "training", "evaluation", "with units", "with expression"]
    return (
        "## Splits\n\nNo subject is in two splits. Frames by role, and with labels given away:\n\n"
        + _table(titles, rows)
        + f"\n\nOf the evaluation frames, {both} are training frames too."
    )


def _origin(described: Mapping[str, Any]) -> str:
    names = ("seed", "scale", "variable_rate", "version", "commit", "numpy", "pillow", "numba")
    digests = ("renderer", "difficulty", "assets")
    rows = [[name.replace("_", " "), described.get(name, "unknown")] for name in (*names, *digests)]
    rows.append(["pictures", described["finished"]["sha256"]])
    return "## Origin\n\nThe last four are SHA-256.\n\n" + _table(["what", "value"], rows)


def _affect() -> str:
    rows = [[name, f"{valence:+.2f}", f"{arousal:+.2f}"] for name, (valence, arousal) in AFFECT_CENTRES.items()]
    return "## Valence and arousal at intensity 1\n\n" + _table(["expression", "valence", "arousal"], rows)


def _prototypes() -> str:
    rows = [[name, *(_units(table[name]) for table in TABLES.values())] for name in next(iter(TABLES.values()))]
    head = "## Action units of each expression\n\nIn brackets: probability of a unit that is not always there.\n\n"
    return head + _table(["expression", *TABLES], rows)


def _units(prototype: Prototype) -> str:
    shown = [str(unit) for unit in prototype.always]
    shown += [f"{unit} ({chance:.2f})" for unit, chance in prototype.sometimes.items()]
    return " ".join(shown) or "none"


def _truth(difficulty: Difficulty) -> str:
    truth = difficulty.truth
    return (
        f"## Labels\n\nA frame carries its expression from intensity {truth.visible:g} on, else neutral; an action "
        f"unit counts as present from {truth.unit_active:g} on. Valence and arousal are intensity × the map above, "
        f"with noise of {truth.affect_sd:g} drawn once per showing. Blinks, twitches and speech (action units 20 and "
        f"26) are in the action units and nowhere else. Unit 25 is how far apart the lips are, whatever parts them."
        f"\n\nThe columns au_01 … are means of both sides of the face; "
        f"units_left and units_right, in the same order, are the subject's left and right. subjects.parquet holds "
        f"each subject's shape (coefficients of the head's modes) and looks."
    )


def _table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
