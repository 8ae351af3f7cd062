"""The page of the experiments on long recordings: verdicts, tables, curves."""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image

from kaoiro.core.files import replacing, write_text, writing
from kaoiro.core.revision import commit
from kaoiro.evaluation import report
from kaoiro.evaluation.measured import verdict
from kaoiro.evaluation.panels import Spot, figure
from kaoiro.evaluation.recordings import ANGER, FLOOR_INTERVAL, FLOOR_NOISE, FLOOR_NORMAL, FLOOR_P
from kaoiro.evaluation.recordings_reading import reading
from kaoiro.evaluation.single import VERDICTS
from kaoiro.inference.floor import USUAL

NAME = "recordings"
HEADLINE: dict[str, Any] = {"level": "medium", "minutes": 60.0, "strength": "weak", "design": "1 vs 1"}
WISHED, NOMINAL = 0.8, 0.05
VERDICT = FLOOR_INTERVAL
"""The rule that `timeline.changes.verdict` follows."""
_CASES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"reader": ANGER}, "as the model reads it"),
    ({"reader": "reader_1"}, "read without fault"),
    ({"reader": "reader_1", "design": "1 vs 1, own floor"}, "read without fault, own floor"),
)
_HEAD = """# Long recordings: is a change a signal at all?

Suimon and Isami (2017) report that anger moved from 0.3 to 0.8 % of a press conference, and ask themselves whether that
is a signal. Here the question is put to recordings of which the truth is known: sessions of rendered people, drawn,
compressed, detected, aligned and scored once (the bank), from whose blocks recordings of any length are put together.
Floors are set by one half of the people and tested on the other. Rendered faces measure methods and prove nothing about
real ones. What a noise floor is, and how to get your own: [the noise floor](../how-to/noise-floor.md).
Written by `kaoiro evaluate recordings`.
"""
_RULES = f"""*p without noise* knows nothing but what varies within recordings, *normal p* takes in by which sd null
recordings scatter, *p* by how much they differ, tail and all (`timeline.changes.null_p`); of two recordings or more on
a side all are the test by rearranging, whose p is 0.33 or more for 2 vs 2, whatever is measured. None of these
is adjusted. The others ask for p adjusted over the eight labels (Benjamini and Hochberg) and, *{FLOOR_NORMAL}* and
*{FLOOR_P}*, for a difference beyond the floor (what 95 % of pairs of null recordings of that length do not exceed, at
the upper end of its interval over people);
*{FLOOR_INTERVAL}*, the verdict 'signal' of the reports: for the whole interval that the recordings themselves give;
*{FLOOR_NOISE}*: for the interval that holds the scatter of null recordings, too, which counts it twice. Rates are of
{{replicates}} replicates, in brackets their binomial interval (Wilson, 95 %); people and sessions are fewer than
replicates, so that the true uncertainty is larger."""


_SINGLE = """
Single recordings: how often a line of the report of a null recording would be a signal. *assumed* is the level whose
floors are taken, for users do not know theirs. *share*: the whole interval lies outside of the range in which
recordings of other people at rest lie; since people rest differently and these are ten, this is wrong too often, and a
share alone is never called a signal. *change ...*: the whole interval of the mean change lies beyond the floor that
holds for eight labels, and the recording or its rest within the range. The rest is the medians of another recording, of
a single frame (which is never called a signal either), or the calmest quarter of the recording itself.
"""


def write(folder: Path, figures: Mapping[str, Any]) -> None:
    """Write recordings.json, recordings.md and their pictures.

    Raises:
        OutputError: the folder cannot be written.
    """
    stamp = {"measured": datetime.date.today().isoformat(), "commit": commit(), "machine": report.machine()}
    write_text(folder / f"{NAME}.json", _json({**stamp, **figures}))
    for name, image in pictures(figures).items():
        with writing(folder / name), replacing(folder / name) as partial:
            image.save(partial, "PNG", optimize=True)
    write_text(folder / f"{NAME}.md", page({**stamp, **figures}))


def _json(figures: Mapping[str, Any]) -> str:
    """Return figures as JSON with a row of a table on each line."""
    parts = []
    for key, value in figures.items():
        rows = value if isinstance(value, list) and value and isinstance(value[0], dict) else None
        text = json.dumps(_rounded(value), ensure_ascii=False)
        if rows is not None:
            text = "[\n" + ",\n".join(json.dumps(_rounded(row), ensure_ascii=False) for row in rows) + "\n]"
        parts.append(f"{json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _rounded(value: Any) -> Any:
    """Return a value with four digits, for more are not known."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(one) for one in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def summary(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the command prints: the verdict lines."""
    return {"bank": figures["bank"], "claims": {row["claim"]: row for row in verdicts(figures)}}


def verdicts(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what was wished beside what was measured."""
    rows = []
    for low, (case, whose) in product((0.001, 0.003), _CASES):
        found = _one(figures["power"], **{**HEADLINE, **case, "from": low})
        if found is not None:
            claim = f"Weak anger {100 * low:g} to 0.8 % in two 60-minute recordings, medium nuisance, {whose}: power"
            rows.append(_line(claim, found[VERDICT], WISHED))
    for row in figures["false alarms"]:
        able = not row["design"].startswith("2 vs 2")  # whose p is never below 0.33
        if row["level"] == "medium" and row["minutes"] == 60 and able:
            rates = {"p": "p", "the verdict": VERDICT, "the verdict for any of eight labels": f"{VERDICT}, any label"}
            for name, rule in rates.items():
                if name == "p" and "camera" in row["design"]:
                    continue  # the test is fooled by design; the verdict should not be
                claim = f"False alarms of {name}, {row['design']}, 60 minutes, medium"
                rows.append(_line(claim, row[rule], NOMINAL, at_most=True))
    for row in figures["single"]:
        if row["minutes"] == 60 and row["kind"] in VERDICTS and USUAL in (row["level"], row["assumed"]):
            known = "" if row["level"] == row["assumed"] else f" taken for {row['assumed']}"
            claim = f"False alarms of a report's verdict for any of eight labels, {row['kind']}, {row['level']}{known}"
            rows.append(_line(claim, row["any label"], NOMINAL, at_most=True))
    return rows


def _line(claim: str, rate: Sequence[float], limit: float, at_most: bool = False) -> dict[str, Any]:
    word = verdict((rate[0], rate[1], rate[2]), limit, at_most)["verdict"]
    wished = f"{'at most' if at_most else 'at least'} {limit:.0%}"
    return {"claim": claim, "wished": wished, "ours": _percent(rate), "verdict": word}


def page(figures: Mapping[str, Any]) -> str:
    """Return the page."""
    bank, settings = figures["bank"], figures["settings"]
    about = {"measured": figures["measured"], "commit": figures["commit"], **bank, **settings}
    parts = [
        _HEAD,
        _table([{"figure": name, "value": _text(value)} for name, value in about.items()]),
        "## Claims\n",
        _table(verdicts(figures)),
        "## What the figures say\n",
        reading(figures),
        "\n## What the model shows of a face at rest, and of anger\n",
        "Percentage points of the anger share, by level of nuisance.\n",
        _table(figures["scatter"]),
        "## (a) False alarms on null recordings\n",
        _RULES.format(replicates=settings["replicates"]),
        "\n![False alarms](recordings-false-alarms.png)\n",
        f"Anger, recordings of {_shown_minutes(settings):g} minutes (all lengths: recordings.json). 'Any label': "
        "one of the eight or more.\n",
        _table([_alarms(row) for row in figures["false alarms"] if row["minutes"] == _shown_minutes(settings)]),
        _SINGLE,
        _table([_alone(row) for row in figures["single"]]),
        "## (b) Power\n",
        "'reader_g' is assumed: it adds to the model's anger the share g of what is missing to 1 while planted "
        "anger is visible, and errs as the model does otherwise; reader_1 reads without fault. Strong anger is that of "
        "posed faces (0.6 to 1), weak that of the set `conference` (0.15 to 0.4).\n",
        "![Power](recordings-power.png)\n",
        f"Recordings of {HEADLINE['minutes']:g} minutes at medium nuisance:\n",
        _table([_power(row) for row in figures["power"] if row["level"] == "medium" and row["minutes"] == 60]),
        f"The shortest design with {WISHED:.0%} power (verdict), among those tried:\n",
        _table([_need(row) for row in figures["needed"] if row["reader"].startswith(("reader", ANGER))]),
        "## (c) What a temperature or another model alone changes\n",
        "The anger share of the same recordings (0.3 % weak anger planted), scored otherwise.\n",
        _table(figures["sensitivity"]),
    ]
    return "\n".join(parts) + "\n"


def _shown_minutes(settings: Mapping[str, Any]) -> float:
    lengths = settings["minutes"]
    return HEADLINE["minutes"] if HEADLINE["minutes"] in lengths else max(lengths)


def _alarms(row: Mapping[str, Any]) -> dict[str, Any]:
    kinds = ("p without noise", "normal p", "p", FLOOR_P, FLOOR_INTERVAL, FLOOR_NOISE)
    kinds = (*kinds, *(f"{name}, any label" for name in (FLOOR_NORMAL, FLOOR_INTERVAL)))
    mean = {"p, mean of labels": f"{row['p, mean of labels']:.1%}"}
    return {"level": row["level"], "design": row["design"], **{kind: _percent(row[kind]) for kind in kinds}, **mean}


def _alone(row: Mapping[str, Any]) -> dict[str, Any]:
    keys = {name: row[name] for name in ("level", "assumed", "minutes", "kind")}
    rates = {name: _percent(row[name]) for name in ("anger", "any label")}
    return {**keys, **rates, "mean of labels": f"{row['mean of labels']:.1%}"}


def _power(row: Mapping[str, Any]) -> dict[str, Any]:
    shares = f"{100 * row['from']:g} to {100 * row['to']:g} %"
    keys = {"anger": shares, "strength": row["strength"], "design": row["design"], "reader": row["reader"]}
    moved = {"moved, points": row["change of the share, points"]}
    return {**keys, **moved, **{kind: _percent(row[kind]) for kind in ("p", FLOOR_P, FLOOR_INTERVAL, FLOOR_NOISE)}}


def _need(row: Mapping[str, Any]) -> dict[str, Any]:
    shares = f"{100 * row['from']:g} to {100 * row['to']:g} %"
    kept = {key: row[key] for key in ("level", "strength", "reader", "floor")}
    return {"anger": shares, **kept, "needed": row["design"] or "none tried", "best power": f"{row['best power']:.0%}"}


def pictures(figures: Mapping[str, Any]) -> dict[str, Image.Image]:
    """Return the curves."""
    alarms: dict[str, dict[str, list[Spot]]] = defaultdict(lambda: defaultdict(list))
    for row in figures["false alarms"]:
        alarms[f"{row['level']} nuisance"][row["design"]].append(Spot(row["minutes"], *row["p"]))
    power: dict[str, dict[str, list[Spot]]] = defaultdict(lambda: defaultdict(list))
    for row in figures["power"]:
        if row["from"] == 0.001 and row["design"].startswith("1 vs 1") and _drawn(row):
            own = row["design"].endswith("own floor")
            name = row["reader"] if row["strength"] == "weak" else f"{row['reader']}, strong"
            name += ", own floor" if own else ""
            power[f"{row['level']} nuisance"][name].append(Spot(row["minutes"], *row[VERDICT]))
    title = "Null recordings: how often p is 5 % or less for anger"
    result = {f"{NAME}-false-alarms.png": figure(title, alarms, NOMINAL, "false alarms", most=0.4)}
    title = "Anger 0.1 to 0.8 % of the time, one recording a side: how often it is found"
    return result | {f"{NAME}-power.png": figure(title, power, WISHED, "power")}


def _drawn(row: Mapping[str, Any]) -> bool:
    own = row["design"].endswith("own floor")
    return row["reader"] in ((ANGER, "reader_0.2", "reader_1") if not own else ("reader_1",))


def _one(rows: Sequence[Mapping[str, Any]], **wanted: Any) -> Mapping[str, Any] | None:
    return next((row for row in rows if all(row[key] == value for key, value in wanted.items())), None)


def _percent(rate: Sequence[float]) -> str:
    return f"{100 * rate[0]:.1f} % ({100 * rate[1]:.1f}-{100 * rate[2]:.1f})"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) >= 1e-3 else f"{value:.1e}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "Nothing was measured.\n"
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(_text(row.get(name, '')) for name in names)} |" for row in rows]
    return "\n".join(lines) + "\n"
