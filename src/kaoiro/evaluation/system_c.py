"""The results of system C: one file of figures, one page and its pictures, in sections that different calls write."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kaoiro.core.errors import InputError
from kaoiro.core.files import write_text
from kaoiro.core.revision import commit
from kaoiro.evaluation import arm_pages, claims, confusion_picture, report, unlearned_pages
from kaoiro.evaluation.arm_figures import best_language
from kaoiro.evaluation.arms import COMPARISONS, UNSEEN

NAME = "system-c"
SECTIONS = {
    "scratch": (
        "Without pretraining",
        "A small image tower and a text tower of four layers that begin with random weights. Nothing here says "
        "anything about the source, whose towers were CLIP's: it tells what LASTED's loss and descriptions of classes "
        "add where nothing was known before, in so many epochs, at which no arm has converged, with one learning rate "
        "for all; whether texts catch up with more of them is not known. Arms with texts also have a text tower and "
        "take more time for an epoch.",
    ),
    "continued": (
        "With the image tower of a model that ships",
        "Image towers begin with the weights of `stills-both`, which learned FER2013's classes and the votes of FER+ "
        "without language, from the same faces; text towers and layers begin anew (`stills-votes` keeps the layers, "
        "which fit). The tower knows expressions before it meets texts, as CLIP's knows pictures.",
    ),
    "pretrained": (
        "With CLIP's weights",
        "Arms C0 to C3 and Cz of the specification: they alone say something about the source's claim.",
    ),
    UNSEEN: (
        "Words never learned",
        "A class is left out of training: faces whose majority of FER+ (or label of FER2013) is of it, with all "
        "identical images, and every vote for it; its text gets no gradient on either axis of the loss. Afterwards "
        "its text, compiled like the others, is asked which faces show it. Faces of the class: all in PublicTest, "
        "and all in Training, as none was learned from; others: PublicTest, and the tenth of Training on which "
        "choices are made; images that have a copy among those learned from are left out. Tied arms were told by "
        "`affect` which action units the other faces show. They had no face of the class, but `affect` did: its "
        "trunk learned all votes of FER+, and its units were held to what expressions show on average, contempt too "
        "(AU 12 in three of ten faces). Nobody tells these arms what only one side of a face does. A class that "
        "nobody was taught to keep away from may be answered too often or never: what counts is the order of faces.",
    ),
    "folds": (
        "Rare expressions, out of fold",
        "PublicTest has few faces that the majority of FER+ calls disgust, fear or contempt. Here each fifth of "
        "Training is answered by a network that learned from the other four (identical images are in one fold; nothing "
        "is chosen on the fold), and the answers are put together. These networks learn both annotations, with a head "
        "for each, so that contempt has an answer; read here: the head of eight against the majority of FER+. "
        "Intervals are over images; the five trainings have one seed.",
    ),
}
"""Titles and what stands below them, by key of the file of figures."""
_HEAD = """# System C, measured again

Isono and Aoki, "Study on Improving Accuracy of Negative Emotion Recognition in Facial Expression Recognition": LASTED's
loss, which compares faces with the texts of their classes, against its own backbone on FER2013; average accuracy 0.697
against 0.665, and negative emotions are said to gain. What is wrong or unsaid in the source: [claims](claims.md).
What follows from these figures: [do words help?](classes-as-words.md)
"""
_HOW = f"""Every arm has the same batches (eight faces of each class guaranteed, unless it says 'as they come'; four
in `improved`), augmentation, schedule and number of epochs; all that is chosen, temperature and probe, is chosen on a
tenth of Training. Every run is asked about PublicTest once, through its exported graph; PrivateTest was not looked at.
Figures are means over seeds ± their standard deviation; intervals are 95 % over images (10,000 draws, identical ones
together, the same for both sides of a difference and for all its seeds). 'dedup': without images that have a copy in
Training. NEG: anger, disgust, fear and sadness; NEG2: disgust and fear; a precision is – where a class is never
answered. ECE: 15 bins, at the temperature of the held-out tenth. McNemar's exact p is that of each seed, and of the
cases of all seeds together; the latter counts an image once for each seed. A gain of accuracy holds if it reaches
0.022 on average, its interval and every seed lie above 0 and p of every seed is below 0.01; of other figures, the
interval and every seed must lie on the wished side. Precisions are made equal on the images that are judged, anew
in every draw of them; a pair that cannot be brought within 0.01 is not counted. Below {arm_pages.SEEDS} seeds nothing
is judged, but for the cross-validation, whose five trainings have one seed. Written by `kaoiro reproduce C`."""
_NOTHING = "Not measured yet."


def write(folder: str | Path, figures: Mapping[str, Any]) -> None:
    """Write sections of system-c.json, system-c.md and their pictures, and leave other sections as they are.

    Args:
        folder: of the results.
        figures: by key of `SECTIONS`.

    Raises:
        InputError: the stored file is damaged.
        DataError: the figures lack a row that a claim names.
        OutputError: the folder cannot be written.
    """
    stamp = {"measured": datetime.date.today().isoformat(), "commit": commit(), "machine": report.machine()}
    content = stored(folder) | {name: {**stamp, **figures[name]} for name in SECTIONS if name in figures}
    text, file = page(content), Path(folder) / f"{NAME}.json"
    write_text(file, json.dumps({name: content[name] for name in SECTIONS if name in content}, ensure_ascii=False))
    write_text(file.with_suffix(".md"), text)
    for comparison in COMPARISONS:
        if comparison.section in figures:
            _draw(Path(folder), comparison, figures[comparison.section])


def _draw(folder: Path, comparison: Any, figures: Mapping[str, Any]) -> None:
    """Draw the confusion matrices of the backbone and the best arm with words, on both annotations."""
    best, matrices = best_language(figures, comparison), []
    for one in figures["annotations"].values():
        for arm in (comparison.backbone, best):
            if arm in one["arms"]:
                matrix = one["arms"][arm]["confusion"]
                seeds = len(matrix["by seed"])
                matrices.append((f"{arm}: {one['labels']} ({seeds} seeds together)", matrix))
    if matrices:
        name = picture(comparison.section)
        confusion_picture.save(confusion_picture.side_by_side(matrices, 2 if best else 1), folder / name)


def picture(section: str) -> str:
    """Return the file name of a section's confusion matrices."""
    return f"{NAME}-confusion-{section}.png"


def stored(folder: str | Path) -> dict[str, Any]:
    """Return the sections that are written already.

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
    """Return the page of all sections."""
    rows = claims.rows(NAME, dict(content))
    blocks = [_HEAD.rstrip(), "## Source, ours, verdict", claims.markdown(rows), "## How it was measured", _HOW]
    for name, (title, about) in SECTIONS.items():
        blocks += [f"## {title}", about]
        if name not in content:
            blocks.append(_NOTHING)
        elif name == "folds":
            blocks += arm_pages.folds(content[name])
        elif name == UNSEEN:
            blocks += unlearned_pages.section(content[name])
        else:
            comparison = next(one for one in COMPARISONS if one.section == name)
            blocks += arm_pages.section(comparison, content[name])
            blocks.append(f"![counts of answers by true class]({picture(name)})")
    return "\n\n".join(blocks)
