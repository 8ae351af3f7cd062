from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.labels import FER2013
from kaoiro.data.datasets import wandering
from kaoiro.evaluation import course
from kaoiro.evaluation.temporal import NEUTRAL, Known

RED, BLUE = (214, 39, 40), (31, 119, 180)


@pytest.fixture
def known() -> Known:
    """Six clips: the fifth is the first of anger at the medium level."""
    streams = wandering.streams(6, frames=40)
    number = np.repeat(np.arange(6), 40)
    target = np.array([FER2013.index(name) for name in ("anger", "fear", "sadness", "fear", "anger", "anger")])[number]
    level = np.array(["low", "medium", "high", "low", "medium", "medium"])[number]
    probabilities = np.random.default_rng(0).dirichlet(np.ones(7), len(number))
    return Known(streams, probabilities, np.linspace(0, 1, 240), target, level)


def test_the_first_clip_of_the_sources_expression_is_taken(known: Known) -> None:
    one = course.example(known, {"single frame": known.probabilities})
    assert (one["expression"], one["level"]) == ("anger", "medium")
    part = slice(160, 200)
    assert one["truth"] == known.intensity[part].tolist()
    assert one["curves"]["single frame"]["expression"] == known.probabilities[part, 0].tolist()
    assert one["curves"]["single frame"]["neutral"] == known.probabilities[part, NEUTRAL].tolist()


def test_without_such_a_clip_the_first_is_taken(known: Known) -> None:
    only = Known(known.streams, known.probabilities, known.intensity, known.target, np.full(240, "low"))
    assert course.example(only, {})["clip"] == str(known.streams.clips[0])


def test_every_answer_has_a_panel_and_a_lost_face_breaks_the_line(known: Known) -> None:
    one = course.example(known, {"a": known.probabilities, "b": known.probabilities})
    whole = np.asarray(course.picture(one, 25.0))
    assert {RED, BLUE} <= {tuple(pixel) for pixel in whole.reshape(-1, 3)}
    assert len(course.picture({**one, "curves": {"a": one["curves"]["a"]}}, 25.0).tobytes()) < whole.nbytes
    lost = known.probabilities.copy()
    lost[165:190] = np.nan
    broken = np.asarray(course.picture(course.example(known, {"a": lost, "b": known.probabilities}), 25.0))
    red = [(pixels == RED).all(axis=2).sum() for pixels in (whole, broken)]
    assert red[1] < red[0]
