"""The results of system B: one file of figures and one page, in sections that different commands write."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kaoiro.core.errors import InputError
from kaoiro.core.files import write_text
from kaoiro.core.revision import commit
from kaoiro.evaluation import claims, report

NAME = "system-b"
_SECTIONS = {
    "table3": (
        "Table 3 of the source",
        "Expressions found without labels: clusters of the expression code (k-means++, k = 9, named by the image "
        "nearest the centre, six expressions without neutral). Ours: mean over seeds ± standard deviation over "
        "100 clusterings, and the 95 % interval over people. The source had other people (MUG, CK+, RAVDESS); ours "
        "are rendered (`syn-id`), so that figures are compared in order and direction. What a part of "
        "a schedule misses is `not resolved`. Written by `kaoiro reproduce B`.",
    ),
    "separation": (
        "What the codes hold",
        "Readers of what a code should hold and of what it should not, beside chance: a linear one and one with a "
        "hidden layer, asked about people (expressions) or clips (identity) that they did not learn from. "
        "`times chance` is accuracy through one in the number of people. Variance: shares that lie between people "
        "and between expressions, less what chance gives. Active units vary by more than 0.01.",
    ),
    "swap": (
        "Expressions carried over to other people",
        "Unseen people of `syn-swap`, whose true render with every expression is known. Landmarks (in distances "
        "of the outer eye corners) and action units are read by a network that learned from other rendered people, "
        "off what was made and off the true render alike. Copies need no method: `identity's own picture` is left "
        "as it is, `expression source` is shown instead. Wrinkles: what changes from neutral in the fine structure "
        "of five regions, against what truly does. Courses: neutral to an expression of another person in steps "
        "of a tenth, each unit by itself; a cross-fade of two pictures needs no method either.",
    ),
    "additions": (
        "What single parts add to ①",
        "One pass of ① (`conventional`) with one part of ③ or of `advanced` each: the switch loss without the "
        "adversarial one (`switch`); normalised groups of channels (`groups`); an identity code that is the mean of "
        "three pictures (`images`); an adversary that reads identity off the expression code (`adversary`); a distance "
        "in a pyramid of details (`details`); the adversarial loss by a hundredth, of a "
        "discriminator with spectral norms and half the momentum (`critic`). Each does the same share of the schedule. "
        "Written by `kaoiro reproduce B`.",
    ),
    "improved": (
        "Improved mode",
        "What its code is made of, each part left out in turn, on all five folds. Features: pixels, or how much there "
        "is of each patch of a dictionary in 25 places. `components alone`: the 64 directions in which faces vary "
        "most, each by 1. `freed of identity`: the best linear guess of how far a face is from its person's mean, "
        "learned from subjects alone, asked about people whom nobody knows. `less the person's mean` is row ⑦ in these "
        "features. Written by `kaoiro reproduce B`.",
    ),
    "recogniser": (
        "A recogniser on the expression code",
        "The source's future work: the same trunk, labels and budget, on the code and on pixels.",
    ),
    "real": (
        "On real faces",
        "A linear reader of the expression code on FER2013, trained on its Training part, beside plain features, "
        "an untrained network, and published figures of methods that learned without labels from videos of real "
        "people. London: the same people at rest and smiling; a reader of smiles is asked about people whom it "
        "did not see, `identity` is how often the nearest face at rest is the same person. Smiles carried over: "
        "how often a classifier that knows nothing of the codes reads a smile, off made faces put back into the "
        "wider picture. Intervals over faces (FER2013) or people. Written by `kaoiro evaluate codes`.",
    ),
}
_POSED = "syn-posed"
_SESSION = (
    "The same people and clips, recorded as posed databases are: all of a person in one session, one light, one "
    "background, a head that hardly turns (`syn-posed`; `syn-id` has another light, pose and background in each clip). "
)
_ALSO = (("are rendered (`syn-id`)", f"are rendered (`{_POSED}`)"), ("reproduce B`", f"reproduce B --people {_POSED}`"))


def _posed(text: str) -> str:
    """Return what stands below a section, of people of one session."""
    for usual, other in _ALSO:
        text = text.replace(usual, other)
    return _SESSION + text


SECTIONS = MappingProxyType(
    _SECTIONS
    | {
        f"{name}, {_POSED}": (f"{_SECTIONS[name][0]}: one session", _posed(_SECTIONS[name][1]))
        for name in ("table3", "separation", "swap", "additions", "improved", "recogniser")
    }
)
"""Titles and what stands below them, by key of the file of figures."""
_HEAD = """# System B, measured again

Kanou and Nagao, "Weakly Supervised Learning for Acquisition of Continuous Facial Expression Features": only the
identity of people is known, and two codes are learned, one of who somebody is and one of what the face does. Their
faces (MUG, CK+, RAVDESS) cannot be handed on; here the claims are tested where identity, expression and what a swap
should look like are known. Rendered faces measure methods and prove nothing about real ones. What is wrong or unsaid in
the source: [claims](claims.md).
"""
_NOTHING = "Not measured yet."


def write(folder: str | Path, section: str, figures: dict[str, Any]) -> None:
    """Write one section of system-b.json and system-b.md and leave the others as they are.

    Args:
        folder: of the results.
        section: one of `SECTIONS`.
        figures: plain values and tables; under 'claims' rows with found, interval, wished and verdict; under
            'scaled down' what was done on a smaller scale than wished, as texts; under 'pictures below' file names
            beside the page, with their captions.

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
    content[section] = stamp | figures
    content = {name: content[name] for name in SECTIONS if name in content}
    text = page(content)
    write_text(file, json.dumps(content, indent=2, ensure_ascii=False))
    write_text(file.with_suffix(".md"), text)


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
    blocks = [_HEAD.rstrip(), "## Claims", claims.markdown(claims.rows(NAME, content)), claims.RULE]
    for name, (title, about) in SECTIONS.items():
        figures = content.get(name)
        blocks += [f"## {title}", about, *(_blocks(figures) if figures else [_NOTHING])]
    return "\n\n".join(blocks)


def _blocks(figures: dict[str, Any]) -> list[str]:
    apart = ("claims", "scaled down", "pictures below")
    shown = report.text({key: value for key, value in figures.items() if key not in apart})
    scaled = "\n".join(f"* {text}" for text in figures.get("scaled down", []))
    drawn = [f"![{caption}]({name})\n\n{caption}" for name, caption in figures.get("pictures below", {}).items()]
    return [shown, *([f"**scaled down**\n\n{scaled}"] if scaled else []), *drawn]
