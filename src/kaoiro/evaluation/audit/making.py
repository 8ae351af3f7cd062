"""The audit of a set: everything is looked for, counted, and, where FER+ votes exist, held against them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kaoiro.core.files import write_text
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.revision import commit
from kaoiro.data.datasets.fer2013 import LEARNED
from kaoiro.evaluation import report
from kaoiro.evaluation.audit import changes, findings, trial, twins, votes
from kaoiro.evaluation.audit.doubts import FOLDS, METHOD, Doubts, doubted, judgeable, need_cleanlab
from kaoiro.evaluation.audit.findings import KINDS, Finding
from kaoiro.evaluation.audit.labelled_set import LabelledSet
from kaoiro.evaluation.audit.seeing import SUSPECT, Cut, Seen, see
from kaoiro.evaluation.audit.twins import NEAR, Pairs
from kaoiro.evaluation.progress import followed
from kaoiro.inference.classifier import Classifier

Part = Literal["errors", "near", "faces"]
PARTS: tuple[Part, ...] = ("errors", "near", "faces")
"""What takes time and can be left out."""
_AT_ONCE = 256  # crops from one step of the progress bar to the next
_HEAD = """# What the labels of {what} are worth

Written by `kaoiro audit labels {kind} --root DIR --results docs/results` ([how](../how-to/audit-labels.md)).
{about}
"""
_FER2013 = """
* **Copies.** Identical pixels are certain. `nearly identical` pairs correlate by {near:g} or more at 24 by 24 cells,
  brightness and contrast cancelled, one of them perhaps mirrored. The value was chosen on these images: of 60 pairs
  drawn from each of these ranges and looked at, one photograph were 60 of 60 (0.965-0.98), 60 of 60 (0.95-0.965), 57 of
  60 (0.93-0.95) and 45 of 60 (0.90-0.93; most of the others mirrored). `changed copies` says which changes of a picture
  are found: not even small moves.
* **Pictures without a face.** Constant images are certain; {suspect:g} is the score of the best face below which a
  picture is suspected. On images of 48 pixels the detector errs: the table says how often it misses real crops, and
  most suspected pictures *are* faces. Treat them as a list to look through.
* **Likely label errors.** Cross-validated linear readers of the features of `{model}`, confident learning
  (`{method}`, chosen on flips of Training), most doubtful first. The features are not independent: the
  network learned Training, with FER2013's labels and the votes. So it remembers some wrong labels as right, and agrees
  with the votes on others because it saw them. `not learned from` are PublicTest's images without a copy, or near
  copy, in Training: these rows are the honest ones.
* **Against the votes.** Of the first k, how many labels the FER+ majority contradicts; `all labels` is what guessing
  reaches. A contradicted label is no proof of an error: both annotations are judgements.
* **Flips.** A twentieth of the labels of images on which FER2013 and all voters agree were made wrong at seed {seed},
  any other label as likely, and looked for. Those faces are the clearest there are, and most of them are happy, neutral
  or surprised: errors on others are harder to find than this table says. Intervals: 95 %, bootstrap over groups of
  copies; where all of n were found it has no length, and excludes no more than shares below about 1 - 3/n.
"""


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found.

    Attributes:
        data: the set.
        seen: of its pictures.
        doubts: of its labels; None was not looked for.
        found: findings by kind, the surest first.
        figures: counts and tables.
    """

    data: LabelledSet
    seen: Seen
    doubts: Doubts | None
    found: list[Finding]
    figures: dict[str, Any]


def audit(
    data: LabelledSet,
    model: ModelFolder,
    how: Cut = "whole",
    skip: tuple[Part, ...] = (),
    settled: set[tuple[str, str]] | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> Audit:
    """Audit a set.

    Args:
        data: the set.
        model: whose features the labels are read from.
        how: 'whole' takes pictures as the crops they are; 'detect' cuts the largest face out.
        skip: parts that are left out.
        settled: pictures (digest) with labels that need no second look.
        seed: of folds and flips.
        threads: of ONNX Runtime; None leaves it to the runtime.

    Raises:
        InputError: too few pictures to find errors.
        MissingExtra: errors are looked for, and cleanlab is not installed.
        ModelError: the model cannot be opened.
    """
    classifier = None if "errors" in skip else _reader(data, model, threads)
    seen = see(data, model.specification, how, "faces" not in skip, threads)
    usable = np.flatnonzero(seen.usable)
    everything = twins.identical(seen.digests, np.flatnonzero(seen.readable))
    copies = twins.identical(seen.digests, usable)
    pairs = None if "near" in skip else twins.near(seen.grey, seen.digests, usable)
    groups = _groups(data, seen, pairs)
    doubts = features = None
    if classifier is not None:
        features = _features(classifier, seen.crops)
        doubts = doubted(features, data.truth, groups, seen.usable, seed=seed)
    found = findings.collect(data, seen, copies, pairs, doubts, settled or set())
    figures = _about(data, model, seed, settled) | _counts(data, seen, everything, pairs, doubts, found)
    figures |= _splits(data)
    if data.votes is not None:
        figures |= _against_votes(data, seen, doubts, features, groups, seed)
    return Audit(data, seen, doubts, found, figures)


def _reader(data: LabelledSet, model: ModelFolder, threads: int | None) -> Classifier:
    """Return what reads features; what would stop the search for errors stops it here, before anything long begins."""
    need_cleanlab()
    judgeable(data.truth, twins.joined(len(data), twins.alike(data.persons)), np.ones(len(data), bool))
    return Classifier(model, threads)


def _groups(data: LabelledSet, seen: Seen, pairs: Pairs | None) -> np.ndarray:
    """Return groups of rows that belong together: copies, near copies, one person, one film."""
    links = [twins.alike(seen.digests), twins.alike(data.persons), twins.alike(data.groups)]
    if pairs is not None:
        links.append((pairs.first, pairs.second))
    return twins.joined(len(data), *links)


def _features(classifier: Classifier, crops: np.ndarray) -> np.ndarray:
    starts = range(0, len(crops), _AT_ONCE)
    steps = followed(starts, len(starts), f"x {_AT_ONCE} faces")
    return np.concatenate([classifier.predict(crops[start : start + _AT_ONCE]).features for start in steps])


def _about(data: LabelledSet, model: ModelFolder, seed: int, settled: set[tuple[str, str]] | None) -> dict[str, Any]:
    return {
        "set": data.kind,
        "pictures": len(data),
        **({"left out": data.told()} if data.left_out else {}),
        "features of": model.name,
        "features_sha256": model.digest,
        "folds": FOLDS,
        "seed": seed,
        "decided before": len(settled or ()),
    }


def _counts(
    data: LabelledSet,
    seen: Seen,
    groups: list[np.ndarray],
    pairs: Pairs | None,
    doubts: Doubts | None,
    found: list[Finding],
) -> dict[str, Any]:
    conflicts = [rows for rows in groups if len(np.unique(data.truth[rows])) > 1]
    counts: dict[str, Any] = {
        "unreadable": len(seen.unreadable),
        "constant": int(seen.constant.sum()),
        "groups of identical pictures": len(groups),
        "pictures in them": sum(map(len, groups)),
        "groups with conflicting labels": len(conflicts),
        "pictures in these": sum(map(len, conflicts)),
        "groups across splits": sum(_crosses(data, rows) for rows in groups),
    }
    for split, others in _twins_elsewhere(data, groups).items():
        counts[f"pictures of {split} with a twin in another split"] = others
    if pairs is not None:
        counts["pairs of nearly identical pictures"] = len(pairs)
        counts["of these mirrored"] = int(pairs.mirrored.sum())
        counts["of these with different labels"] = int((data.truth[pairs.first] != data.truth[pairs.second]).sum())
        differ = data.splits[pairs.first] != data.splits[pairs.second]
        counts["of these across splits"] = int(differ.sum())
        counts["changed copies"] = changes.found(seen.grey[seen.usable])
    if np.isfinite(seen.faces).any():
        counts[f"hardly a face (best score below {SUSPECT:g})"] = int((seen.usable & (seen.faces < SUSPECT)).sum())
    if doubts is not None:
        counts["labels judged"] = int(doubts.judged.sum())
        counts["labels that are likely wrong"] = len(doubts.rows)
    listed = {kind: {"what": text, "listed": sum(one.kind == kind for one in found)} for kind, text in KINDS.items()}
    return {"findings": listed} | counts


def _crosses(data: LabelledSet, rows: np.ndarray) -> bool:
    return len(np.unique(data.splits[rows])) > 1


def _twins_elsewhere(data: LabelledSet, groups: list[np.ndarray]) -> dict[str, int]:
    """Return how many pictures of each split have an identical one in another; none where nothing is split."""
    names = np.unique(data.splits)
    if len(names) < 2:
        return {}
    return {
        str(name) or "(none)": sum(int((data.splits[rows] == name).sum()) for rows in groups if _crosses(data, rows))
        for name in names
    }


def _splits(data: LabelledSet) -> dict[str, Any]:
    """Return how labels are spread: counts by split, how skewed they are, and how far splits are from each other."""
    names, width = np.unique(data.splits).tolist(), len(data.vocabulary)
    shown = {name: name or ("(none)" if len(names) > 1 else "all") for name in names}
    counts = {shown[name]: np.bincount(data.truth[data.splits == name], minlength=width) for name in names}
    whole = np.bincount(data.truth, minlength=width)
    table, skew = {}, {}
    for place, label in enumerate(data.vocabulary.labels):
        if whole[place]:
            columns = ((name, counted[place], counted.sum()) for name, counted in counts.items())
            table[label] = {name: f"{number} ({number / total:.1%})" for name, number, total in columns}
    for name, counted in counts.items():
        shares = counted[counted > 0] / counted.sum()
        skew[name] = {
            "n": int(counted.sum()),
            "labels": len(shares),
            "largest by smallest": float(shares.max() / shares.min()),
            "as many labels as if even": float(np.exp(-(shares * np.log(shares)).sum())),
            "share that would move to match all": float(abs(counted / counted.sum() - whole / whole.sum()).sum() / 2),
        }
    return {"labels by split": table, "skew": skew}


def _against_votes(
    data: LabelledSet,
    seen: Seen,
    doubts: Doubts | None,
    features: np.ndarray | None,
    groups: np.ndarray,
    seed: int,
) -> dict[str, Any]:
    assert data.votes is not None
    figures = votes.agreement(data.truth, data.votes, data.vocabulary, groups)
    figures |= votes.faces(seen.faces, data.votes, seen.constant)
    if doubts is None or features is None:
        return figures
    unseen = ~np.isin(groups, groups[data.splits == LEARNED])
    parts = {"all": doubts.judged} | ({"not learned from": doubts.judged & unseen} if unseen.any() else {})
    clean = trial.unanimous(data.truth, data.votes, data.vocabulary) & seen.usable
    flips = {}
    for name, among in parts.items():
        told = votes.precision(data.truth, data.votes, data.vocabulary, doubts.rows, doubts.suggested, among, groups)
        figures[f"most doubtful labels against the votes, {name}"] = told
        rows = np.flatnonzero(clean & among)
        if trial.enough(data.truth[rows], groups[rows]):
            flips[name] = trial.tried(features[rows], data.truth[rows], groups[rows], seed=seed)
    return figures | ({"flipped labels, found again": flips} if flips else {})


def write(folder: str | Path, found: Audit) -> None:
    """Write audit-KIND.md and audit-KIND.json: figures alone, no picture.

    Raises:
        OutputError: the folder cannot be written.
    """
    stamp = {"measured": datetime.date.today().isoformat(), "commit": commit(), "machine": report.machine()}
    stamped: Mapping[str, Any] = stamp | found.figures
    kind, name = found.data.kind, f"audit-{found.data.kind}"
    values = {"near": NEAR, "suspect": SUSPECT, "method": METHOD}
    values |= {"model": found.figures["features of"], "seed": found.figures["seed"]}
    about = _FER2013.format(**values) if kind == "fer2013" else ""
    head = _HEAD.format(what="FER2013" if kind == "fer2013" else found.data.name, kind=kind, about=about)
    write_text(Path(folder) / f"{name}.json", json.dumps(stamped, indent=2, ensure_ascii=False))
    write_text(Path(folder) / f"{name}.md", f"{head}\n{report.text(dict(stamped))}\n")


def as_json(found: Audit) -> str:
    """Return figures and all findings as JSON."""
    data, doubts = found.data, found.doubts
    listed = [
        {"kind": one.kind, "score": round(one.score, 6), "note": one.note}
        | {"pictures": _pictures(findings.rows_of(data, found.seen, doubts, [one]))}
        for one in found.found
    ]
    return json.dumps(found.figures | {"listed": listed}, indent=1, ensure_ascii=False)


def _pictures(rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ("id", "split", "label", "suggested", "hash")
    return [{name: row[name] for name in names} for row in rows]
