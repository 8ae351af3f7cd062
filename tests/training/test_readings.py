"""Answers of a video smoothed over time, within each clip and as far as is best on the people of 'val'."""

from __future__ import annotations

import numpy as np
import pytest
from fake import multitask as made

from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION
from kaoiro.training import steadied_tasks
from kaoiro.training.multitask import Trial
from kaoiro.training.steadied_tasks import smoothed
from kaoiro.training.videos import Videos


@pytest.fixture(scope="module")
def videos() -> Videos:
    return made.videos()


def test_frames_are_weighted_by_a_parabola_within_their_clip() -> None:
    said = {AFFECT_HEAD: np.array([[0.0], [7.0], [0.0], [100.0]]), EXPRESSION: np.array([[1.0], [1.0], [1.0], [0.0]])}
    result = smoothed(said, np.array(["a", "a", "a", "b"]), 3)
    # weights 3, 4, 3; at the ends those of the frames that are there: 4, 3
    assert result[AFFECT_HEAD][:, 0] == pytest.approx([7 * 3 / 7, 7 * 4 / 10, 7 * 3 / 7, 100])
    assert result[EXPRESSION][:, 0] == pytest.approx([1, 1, 1, 0])


def test_clips_may_lie_among_each_other_and_a_window_of_one_changes_nothing() -> None:
    values, clips = np.arange(12.0).reshape(6, 2), np.array(["a", "b"] * 3)
    mixed = smoothed({AFFECT_HEAD: values}, clips, 3)[AFFECT_HEAD]
    assert mixed[::2] == pytest.approx(smoothed({AFFECT_HEAD: values[::2]}, clips[::2], 3)[AFFECT_HEAD])
    assert smoothed({AFFECT_HEAD: values}, clips, 1)[AFFECT_HEAD] == pytest.approx(values)


@pytest.mark.parametrize(("scores", "chosen"), [({1: 0.1, 3: 0.5, 5: 0.4}, 3), ({1: 0.9, 3: 0.5, 5: 0.4}, 1)])
def test_the_window_is_the_best_on_val(
    videos: Videos, monkeypatch: pytest.MonkeyPatch, scores: dict[int, float], chosen: int
) -> None:
    lengths: list[int] = []

    class Known:
        def figure(self, measure: str) -> float:
            assert measure == "P"
            return scores[lengths[-1]]

    def noted(said: dict, clips: np.ndarray, length: int) -> dict:
        lengths.append(length)
        return smoothed(said, clips, length)

    monkeypatch.setattr(steadied_tasks, "LENGTHS", tuple(scores))
    monkeypatch.setattr(steadied_tasks, "smoothed", noted)
    monkeypatch.setattr(steadied_tasks, "summed", lambda *_: Known())
    answer = steadied_tasks.learn(Trial(learner="coupled, smoothed"), made.TINY, videos)
    assert lengths == list(scores)
    assert len(answer(videos.test).affect) == len(videos.test)  # type: ignore[arg-type]
    assert lengths[-1] == chosen
