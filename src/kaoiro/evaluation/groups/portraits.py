"""The people of the London set by age, gender and ethnicity: neutral and smiling portraits, as users measure photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS, UNITS_HEAD
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.types import Record
from kaoiro.data.datasets import london
from kaoiro.evaluation.groups import smiles
from kaoiro.evaluation.groups.banding import Asked, grouping
from kaoiro.evaluation.groups.comparing import Audit, audit
from kaoiro.evaluation.groups.looked_at import LookedAt, of_records
from kaoiro.evaluation.groups.measures import right
from kaoiro.evaluation.progress import followed
from kaoiro.faces.detect import FaceDetector
from kaoiro.inference.analyzer import Analyzer
from kaoiro.metrics.resampling import DRAWS

AGES = (25.0, 35.0)
"""Where bands of age begin, chosen before anything was measured."""
COLUMNS = (Asked("gender"), Asked("age", AGES), Asked("ethnicity"))


class London(NamedTuple):
    """What was found.

    Attributes:
        audit: by the `COLUMNS`.
        lips: `smiles.by_lips` of women and men; None where the model does not answer AU 25, or either has all smiles
            of one kind.
    """

    audit: Audit
    lips: dict[str, Any] | None


def audited(
    model: ModelFolder,
    root: str | Path,
    draws: int = DRAWS,
    seed: int = 0,
    threads: int | None = None,
    detector: FaceDetector | None = None,
) -> London:
    """Compare the groups of the London set.

    Args:
        model: with a head of expressions.
        root: folder of the set.
        draws: of people, and as many rearrangements.
        seed: of both.
        threads: of ONNX Runtime; None leaves it to the runtime.
        detector: None is CenterFace.

    Raises:
        DataError: files are missing or not in the documented layout, or no face was found.
        InputError: a column does not make groups.
    """
    portraits, about = london.read(root), london.about(root)
    analyzer = Analyzer(model.path, threads=threads, detector=detector)
    steps = followed(portraits, len(portraits), "portraits")
    records = [largest(analyzer, one.data, one.file) for one in steps]
    people = np.array([one.subject for one in portraits])
    names = ["happiness" if one.smiling else "neutral" for one in portraits]
    faces = of_records(records, people, np.array(EXPRESSIONS.indices(names)))
    if not faces.found.any():
        raise DataError(f"{root}: no face was found in any of {len(portraits)} portraits")
    for wanted in COLUMNS:
        cells = np.array([about[one.subject][wanted.column] for one in portraits], object)
        faces = faces.grouped(wanted.column, grouping(f"{root}, {london.TABLE}", wanted, cells, people))
    return London(audit(faces, draws=draws, seed=seed), _lips(model, records, faces, draws))


def _lips(model: ModelFolder, records: Sequence[Record], faces: LookedAt, draws: int) -> dict[str, Any] | None:
    said = np.array([np.nan if (value := one.scores.get(smiles.UNIT)) is None else value for one in records])
    smiling = faces.found & (faces.truth == EXPRESSIONS.index("happiness")) & ~np.isnan(said)
    if not smiling.any():
        return None
    apart = said[smiling] >= model.specification.head(UNITS_HEAD).present_from[smiles.UNIT]
    gender = faces.groupings["gender"]
    inside = gender.places[smiling]
    return smiles.by_lips(right(faces)[smiling], apart, inside, gender.labels, faces.people[smiling], draws)


def largest(analyzer: Analyzer, picture: bytes | np.ndarray, name: str) -> Record:
    """Return the record of the largest face of a picture, or of the picture without a face."""
    return next(analyzer.image(picture, name=name).rows())
