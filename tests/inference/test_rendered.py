"""The road from a video to records, on clips that kaoiro rendered (tests/data/rendered; `kaoiro synth fixtures`)."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from kaoiro.core.labels import FER2013

ROOT = Path(__file__).parents[1] / "data/rendered"
CLIPS = sorted((ROOT / "clips").glob("*.mp4"))


def test_the_fixtures_are_there():
    assert [path.stem for path in CLIPS] == ["anger-high", "happiness-low", "sadness-variable-rate", "surprise-medium"]
    assert len(list((ROOT / "contact").rglob("*.jpg"))) == 12 * len(FER2013)


@pytest.mark.parametrize("clip", CLIPS, ids=lambda path: path.stem)
def test_one_person_keeps_one_track_through_every_level_of_nuisance(analyzer, clip):
    records = list(analyzer.video(clip))
    assert {record.track for record in records} == {0}
    times = [record.time_s for record in records]
    assert times == sorted(set(times))


def test_irregular_times_are_those_of_the_file(analyzer):
    clip = ROOT / "clips/sadness-variable-rate.mp4"
    steps = np.diff([record.time_s for record in analyzer.video(clip)])
    assert steps.max() > 1.3 * steps.min()
    with av.open(str(clip)) as container:
        assert len(steps) + 1 == sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize(("clip", "label"), [("happiness-low", "happiness"), ("surprise-medium", "surprise")])
def test_an_expression_rises_and_falls(analyzer, clip, label):
    records = list(analyzer.video(ROOT / "clips" / f"{clip}.mp4"))
    course = np.array([record.scores[f"expression_{label}"] for record in records])
    third = len(course) // 3
    assert course[third:-third].max() > 0.6
    assert course[:5].max() < 0.3
    assert course[-5:].max() < 0.3


def test_smiles_and_surprise_of_twelve_unfamiliar_people_are_read(analyzer):
    for label in ("happiness", "surprise", "neutral"):
        pictures = [np.asarray(Image.open(path)) for path in sorted((ROOT / "contact" / label).glob("*.jpg"))]
        scores = analyzer.crops(np.stack(pictures))
        assert scores.top.count(label) >= 7, label
