"""The results of system E1: a file of figures, a page and a picture."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kaoiro.core.errors import InputError
from kaoiro.core.files import write_text
from kaoiro.core.revision import commit
from kaoiro.evaluation import claims, confusion_picture, report, transfer_picture
from kaoiro.evaluation.arm_claims import SEEDS
from kaoiro.evaluation.arm_pages import table
from kaoiro.evaluation.transfer_figures import SHIFTED, SHIFTED_ALL, order_of
from kaoiro.evaluation.transfers import CONDITIONS

NAME = "system-e1"
CURVES_PICTURE = f"{NAME}-curves.png"
_CHAINS = {one.name: one.chain for one in CONDITIONS} | {
    SHIFTED: "scores shifted as validation faces want it",
    SHIFTED_ALL: "the same for every label",
}
_HEAD = """# System E1, measured again

Ng et al., "Deep Learning for Emotion Recognition on Small Datasets Using Transfer Learning" (ICMI 2015): ImageNet, then
FER2013, then the few pictures of the contest (SFEW); best submission 48.5 % on validation and 55.6 % on test, baseline
35.96 % and 39.13 %. SFEW cannot be had here: the same chains are run on targets of other kinds, so figures stand beside
the source's and cannot be compared with them. What is wrong or unsaid in the source: [claims](claims.md).
"""
_HOW = f"""Stage 1 learns FER2013's Training without the tenth on which choices are made and constant images (25,824
faces; 'FER28'), or that and PublicTest ('FER32'); stage 2, at a lower rate, the target's faces to learn from. After
stage 0 all conditions but T5, which learns nothing of the target, and 'T2 longer' may make equally many updates of
equally many faces. A stage that learns the target alone is judged by its validation faces after each of its epochs
(at most twenty): it keeps the best, and stops when a quarter of them brought no better one, so that a course can end
before its rate has fallen, and the updates made are fewer; T4 goes over both sets in one or two epochs and ends with
the last. Conditions with one stage have the rates of stage 1, which were chosen on FER2013, stage 2 one that was
chosen on validation faces of three targets: that favours T2 a little. Learning curves have stage 2's updates alone,
and up to so many faces of each class; they, too, are judged by all validation faces. Random windows and mirror images
are all the augmentation there is, as in the source. Figures are of the test faces: means over seeds ± their standard
deviation; intervals are 95 % over people (or pictures, copies together; 10,000 draws, the same for both sides of a
difference and all its seeds). A claim holds if the whole interval and every seed lie on the wished side; where a size
is wished, the mean must reach it and the interval lie above 0. Below {SEEDS} seeds nothing is judged. What follows:
[two stages](two-stage-transfer.md). Written by `kaoiro reproduce E1`."""


def write(folder: str | Path, figures: Mapping[str, Any]) -> None:
    """Write system-e1.json, system-e1.md and the learning curves.

    Args:
        folder: of the results.
        figures: as `kaoiro.training.reproduce_e1` reports them.

    Raises:
        DataError: the figures lack a row that a claim names.
        OutputError: the folder cannot be written.
    """
    stamp = {"measured": datetime.date.today().isoformat(), "commit": commit(), "machine": report.machine()}
    content = {**stamp, **figures}
    text, file = page(content), Path(folder) / f"{NAME}.json"
    write_text(file, json.dumps(content, ensure_ascii=False))
    write_text(file.with_suffix(".md"), text)
    drawn = transfer_picture.picture({name: content["targets"][name] for name in order_of(list(content["targets"]))})
    if drawn is not None:
        confusion_picture.save(drawn, Path(folder) / CURVES_PICTURE)


def stored(folder: str | Path) -> dict[str, Any]:
    """Return the figures that are written already.

    Raises:
        InputError: the file is damaged.
    """
    file = Path(folder) / f"{NAME}.json"
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{file} is damaged; remove it or name another folder by --results")
    return content


def page(content: Mapping[str, Any]) -> str:
    """Return the page of all figures."""
    blocks = [_HEAD.rstrip(), "## Source, ours, verdict", claims.markdown(claims.rows(NAME, dict(content)))]
    blocks += ["## How it was measured", _HOW, _settings(content)]
    names = order_of(list(content["targets"]))
    if any(content["targets"][name]["curves"] for name in names):
        blocks.append(f"![Accuracy by number of faces of each class]({CURVES_PICTURE})")
    for name in names:
        blocks += [f"## {name[0].upper()}{name[1:]}", *_target(content["targets"][name])]
        own = {key: row for key, row in content["claims"].items() if key.startswith(f"{name}: ")}
        blocks.append(_claims(own))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _settings(content: Mapping[str, Any]) -> str:
    budget = (
        "the whole schedule" if content["budget_hours"] is None else f"{content['budget_hours']:g} hours for all runs"
    )
    changed = "".join(f", {path} {value}" for path, value in content["settings"].items())
    steps = "; ".join(f"{name}: {value:,}" for name, value in content["schedule"].items())
    spent = sum(one["seconds"] for one in content["stage 1"].values()) / 3600
    return (
        f"Measured {content['measured']} at {content['commit']}. Network: {content['form']}{changed}; stage 0: "
        f"{content['stage 0']}; {budget}. {steps}. Stages 0 and 1 took {spent:.2f} h on {content['hardware']}."
    )


def _target(one: Mapping[str, Any]) -> list[str]:
    faces = one["faces"]
    labels = ["all", *one["labels"]]
    counts = table(["faces", *labels], [[part, *(str(row[label]) for label in labels)] for part, row in faces.items()])
    most = one["majority"]
    blocks = [
        one["about"],
        counts,
        f"Always answering {most['label']} is right for {most['accuracy']:.1%} of the test faces.",
    ]
    rows = [
        [name, _CHAINS[name], _seeds(levels), *(_level(levels[measure]) for measure in ("accuracy", "macro recall"))]
        for name, levels in one["conditions"].items()
    ]
    blocks.append(table(["", "chain", "seeds", "accuracy", "macro recall"], rows))
    measures = ("accuracy", "macro recall")
    gaps = [
        [name, _seeds(found), *(_gap(found[measure]) for measure in measures)] for name, found in one["gaps"].items()
    ]
    blocks += ["Differences, points:", table(["", "seeds", "accuracy", "macro recall"], gaps)] if gaps else []
    return [*blocks, _curves(one["curves"]), _shifts(one)]


def _curves(curves: Mapping[str, Any]) -> str:
    told = [
        f"{name} " + ", ".join(f"{count}: {100 * level['found']:.1f}" for count, level in curve.items())
        for name, curve in curves.items()
    ]
    return f"Accuracy by faces of each class, %: {'; '.join(told)}." if told else ""


def _shifts(one: Mapping[str, Any]) -> str:
    """Return in a sentence by how much two labels were weakened and strengthened."""
    told = [
        f"seed {seed}: happiness {found[SHIFTED]['happiness']:+.2f}, sadness {found[SHIFTED]['sadness']:+.2f}"
        for seed, found in one["shifts"].items()
        if SHIFTED in found
    ]
    return f"What validation faces want added to the scores of two labels: {'; '.join(told)}." if told else ""


def _claims(rows: Mapping[str, Any]) -> str:
    lines = [
        [name.split(": ", 1)[1], *_found(row), row["wished"], row["verdict"]]
        for name, row in rows.items()
        if row["found"] is not None
    ]
    return table(["claim", "ours", "interval", "wished", "verdict"], lines) if lines else ""


def _found(row: Mapping[str, Any]) -> tuple[str, str]:
    between = "–" if row["interval"] is None else f"{row['interval'][0]:.3f} to {row['interval'][1]:.3f}"
    return f"{row['found']:.3f}", between


def _seeds(levels: Mapping[str, Any]) -> str:
    return str(levels["accuracy"]["seeds"])


def _level(level: Mapping[str, Any]) -> str:
    spread = "" if level["sd"] is None else f" ± {100 * level['sd']:.1f}"
    ends = "" if level["interval"] is None else f" ({100 * level['interval'][0]:.1f}–{100 * level['interval'][1]:.1f})"
    return f"{100 * level['found']:.1f}{spread}{ends}"


def _gap(gap: Mapping[str, Any]) -> str:
    ends = "" if gap["interval"] is None else f" ({100 * gap['interval'][0]:+.1f} to {100 * gap['interval'][1]:+.1f})"
    return f"{100 * gap['found']:+.1f}{ends}"
