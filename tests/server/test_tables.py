"""Curves of a result, read from its file."""

import dataclasses
from pathlib import Path

import pytest

from kaoiro.core import codec
from kaoiro.core.types import smoothed

pytest.importorskip("fastapi")

from kaoiro.server.tables import timeline


def written(make_record, path: Path, **scores: float) -> Path:
    face = make_record(fear=0.75, anger=0.25)
    times = [0.0, 0.1, 0.2, 5.0]
    rows = [dataclasses.replace(face, time_s=time_s, scores={**face.scores, **scores}) for time_s in times]
    codec.write(rows, path)
    return path


def test_valence_and_arousal_are_curves_with_gaps(make_record, tmp_path: Path) -> None:
    path = written(make_record, tmp_path / "a.parquet", valence=0.5, arousal=-0.25)
    (track,) = timeline(path, 100)["tracks"]
    assert track["affect"] == {"valence": [0.5, 0.5, 0.5, None, 0.5], "arousal": [-0.25, -0.25, -0.25, None, -0.25]}
    assert [peak["label"] for peak in track["peaks"]] == ["fear"]  # valence is no expression


def test_they_are_smoothed_where_the_expressions_are(make_record, tmp_path: Path) -> None:
    smooth = {smoothed(name): 0.125 for name in make_record().scores} | {"valence_smooth": 0.25, "arousal_smooth": 0.75}
    path = written(make_record, tmp_path / "a.parquet", valence=0.5, arousal=-0.25, **smooth)
    (track,) = timeline(path, 2)["tracks"]
    assert {name: curve[0] for name, curve in track["affect"].items()} == {"valence": 0.25, "arousal": 0.75}


def test_a_model_that_does_not_answer_them_has_none(make_record, tmp_path: Path) -> None:
    (track,) = timeline(written(make_record, tmp_path / "a.parquet"), 100)["tracks"]
    assert track["affect"] is None
