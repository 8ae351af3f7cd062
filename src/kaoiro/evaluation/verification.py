"""Does an encoder tell who somebody is? Neutral and smiling photographs of the London set's people."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.files import write_text
from kaoiro.core.revision import commit
from kaoiro.data.datasets import london
from kaoiro.data.splits import Part, part_of
from kaoiro.evaluation import report
from kaoiro.evaluation.progress import followed
from kaoiro.faces import photo
from kaoiro.faces.align import to_luma
from kaoiro.faces.detect import CenterFace, FaceDetector, detect_in
from kaoiro.inference.identity import ENOUGH, IdentityEncoder
from kaoiro.inference.recogniser import FaceEncoder, unit
from kaoiro.metrics.verification import DRAWS, rates, verification

NAME = "verification"
IDENTITY, EXPRESSION, EMBEDDING, PIXELS = "identity code", "expression code", "embedding", "pixels"
Encode = Callable[[np.ndarray], np.ndarray]
"""Crops (P, side, side, 3) uint8 -> vectors of length 1 (P, E)."""
_HEAD = """# Who is who: verification of people

Whether a code of a face tells who somebody is, on the Face Research Lab London Set (DeBruine and Jones, 2017), where
everybody was photographed twice, at rest and smiling. A pair is a face at rest and a smiling one, of one person or of
two; it counts as one person if the cosine of both codes is high. So no pair is told by its expression. `pixels` is what
needs no learning: the cosine of both grey crops, each with mean 0. Figures are of the *report part* of the people (by
SHA-256 of their names), from whom nothing was learned and on whom nothing was chosen; `threshold` is that of equal
error on the *development part*, and `missed` and `mistaken` are what it does on the report part. Intervals: 95 %,
bootstrap over people.

**Read it as an upper bound.** Both photographs of a person are of one session: same light, hair, clothes, camera and
day, all of them frontal and sharp. Between recordings of different days any code does worse; by how much is not
measured here. A code that does no better than `pixels` shows nothing beyond what the session itself gives away.

The rule: `--speaker PHOTO` takes system B's encoder of identity only if its AUC here is {enough} or more; else the user
names a recogniser by `--recogniser FILE.onnx`. We ship no face recognition. Written by
`kaoiro evaluate verification --london DIR --results docs/results`.
"""


class Couples(NamedTuple):
    """People who were photographed twice.

    Attributes:
        people: (P,) names.
        resting, smiling: (P, side, side, 3) uint8, aligned.
        missed: photographs in which no face was found.
    """

    people: np.ndarray
    resting: np.ndarray
    smiling: np.ndarray
    missed: int


def couples(encoder: FaceEncoder, root: str | Path, part: Part, detector: FaceDetector) -> Couples:
    """Read the people of one part of the London set, placed as an encoder eats faces.

    Raises:
        DataError: files are missing, or fewer than two people were found at rest and smiling.
    """
    chosen = [one for one in london.read(root) if part_of(one.subject) == part]
    found: dict[bool, dict[str, np.ndarray]] = {False: {}, True: {}}
    missed = 0
    for one in followed(chosen, len(chosen), f"portraits, {part} part"):
        pixels = photo.read(one.data, f"{root}, {one.file}")
        faces = detect_in(pixels, detector)[:1]
        missed += not faces
        if faces:
            found[one.smiling][one.subject] = encoder.crops(pixels, faces)[0]
    people = sorted(found[False].keys() & found[True].keys())
    if len(people) < 2:
        raise DataError(f"{root}: {len(people)} people of the {part} part were found at rest and smiling; 2 are needed")
    resting, smiling = (np.stack([found[kind][name] for name in people]) for kind in (False, True))
    return Couples(np.array(people), resting, smiling, missed)


def codes_of(encoder: FaceEncoder) -> dict[str, Encode]:
    """Return what is measured of an encoder, by the name of its row: its own code, and plain pixels beside it."""
    if not isinstance(encoder, IdentityEncoder):
        return {EMBEDDING: encoder.encode, PIXELS: grey}
    expression: Encode = lambda crops: unit(encoder.exchanger.encode(crops).expression)  # noqa: E731
    return {IDENTITY: encoder.encode, EXPRESSION: expression, PIXELS: grey}


def grey(crops: np.ndarray) -> np.ndarray:
    """Return the grey pixels of crops (P, side, side, 3) as vectors of mean 0 and length 1."""
    flat = np.stack([to_luma(crop) for crop in crops]).reshape(len(crops), -1).astype(np.float64)
    return unit(flat - flat.mean(axis=1, keepdims=True))


def measure(
    encoder: FaceEncoder,
    root: str | Path,
    detector: FaceDetector | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    threads: int | None = None,
) -> dict[str, Any]:
    """Measure an encoder.

    Args:
        encoder: its vectors are compared.
        root: folder of the London set.
        detector: None is CenterFace.
        draws: of people.
        seed: of the draws.
        threads: of the detector.

    Raises:
        DataError: files are missing, or too few people were found.
    """
    detector = detector or CenterFace(threads=threads)
    chosen, asked = (couples(encoder, root, part, detector) for part in ("development", "report"))
    rows = {name: _row(encode, chosen, asked, draws, seed) for name, encode in codes_of(encoder).items()}
    people = len(asked.people)
    first = next(iter(rows.values()))
    return {
        "encoder": encoder.title,
        "data": "Face Research Lab London Set, report part",
        "people": people,
        "pairs of one person": people,
        "pairs of two people": people * (people - 1),
        "photographs without a face": asked.missed,
        "people that thresholds are from": len(chosen.people),
        "draws": draws,
        "seed": seed,
        "AUC wished": ENOUGH,
        "verdict": "verified" if first["AUC"] >= ENOUGH else "not verified",
        "verification": rows,
    }


def _row(encode: Encode, chosen: Couples, asked: Couples, draws: int, seed: int) -> dict[str, Any]:
    choice = verification(_cosines(encode, chosen), draws=0, seed=seed)
    cosines = _cosines(encode, asked)
    found = verification(cosines, draws, seed)
    missed, mistaken = rates(cosines, choice.threshold)
    return {
        "AUC": found.auc,
        "interval": list(found.auc_interval),
        "equal error rate": found.error,
        "interval of rate": list(found.error_interval),
        "mean cosine, one person": found.same,
        "two people": found.different,
        "threshold": choice.threshold,
        "missed": missed,
        "mistaken": mistaken,
    }


def _cosines(encode: Encode, couples: Couples) -> np.ndarray:
    return encode(couples.resting) @ encode(couples.smiling).T


def write(folder: str | Path, name: str, figures: Mapping[str, Any]) -> None:
    """Write NAME.json and NAME.md.

    Raises:
        OutputError: the folder cannot be written.
    """
    stamp = {"measured": datetime.date.today().isoformat(), "commit": commit(), "machine": report.machine()}
    stamped = stamp | dict(figures)
    page = f"{_HEAD.format(enough=ENOUGH)}\n{report.text(stamped)}\n"
    write_text(Path(folder) / f"{name}.json", json.dumps(stamped, indent=2, ensure_ascii=False))
    write_text(Path(folder) / f"{name}.md", page)
