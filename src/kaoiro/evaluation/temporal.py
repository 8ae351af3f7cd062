"""Which smoothing is calm, faithful and not late: measured on clips whose course is known (SPEC 2.4-2.6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kaoiro.core.errors import DataError
from kaoiro.core.labels import FER2013, Vocabulary, project
from kaoiro.core.streams import Streams
from kaoiro.data.datasets.synthetic import Synthetic
from kaoiro.metrics.temporal import MEASURES, Clip, Course, course, draws, interval
from kaoiro.timeline.smoothing import LENGTH, METHODS, parabola, warm_up

SINGLE = "single frame"
LENGTHS = (3, 5, 7, 11, 15, 21)
"""Windows of the Pareto curves, frames; all methods are judged on the frames at which the longest has warmed up."""
FINE = (1, *LENGTHS, 31, 41)
"""Windows of the parabolas with which what was learned is compared at equal jitter."""
NEUTRAL = FER2013.index("neutral")
SHARE_OF_JITTER = 0.6
"""Claim (a): the jitter of what is learned is at most this share of that of a moving average."""
LESS_FIDELITY, MORE_LAG = 0.01, 0.25
"""Margins of 'not worse': a hundredth of concordance, a quarter of a frame (10 ms)."""


@dataclass(frozen=True, eq=False)
class Known:
    """Streams of clips, and their true course.

    Attributes:
        streams: F frames.
        probabilities: (F, 7) single-frame answers in the order of FER2013; NaN where no face was seen.
        intensity: (F,) true intensity of the clip's expression.
        target: (F,) class of the clip's expression.
        level: (F,) level of nuisance.
    """

    streams: Streams
    probabilities: np.ndarray
    intensity: np.ndarray
    target: np.ndarray
    level: np.ndarray

    def clips(self, level: str | None = None) -> list[slice]:
        """Return the frames of each clip, of one level or of all."""
        return [part for _, part in self.streams.each() if level is None or self.level[part.start] == level]


def known(data: Synthetic, rows: np.ndarray, streams: Streams) -> Known:
    """Join streams with the truth of the rows that they were made of."""
    table = data.table.iloc[rows]
    return Known(
        streams,
        seven(streams.probabilities, streams.labels),
        table["intensity"].to_numpy(np.float64),
        np.array(FER2013.indices(table["clip_expression"]), np.int64),
        table["level"].to_numpy(str),
    )


def seven(probabilities: np.ndarray, labels: tuple[str, ...]) -> np.ndarray:
    """Return probabilities (F, 7) in the order of FER2013 from those of other labels."""
    if labels == FER2013.labels:
        return probabilities
    seen = ~np.isnan(probabilities).any(axis=1)
    result = np.full((len(probabilities), len(FER2013)), np.nan)
    result[seen] = project(probabilities[seen], Vocabulary("stream", labels), FER2013)
    return result


def smoothed(data: Known, method: str, length: int = LENGTH, centred: bool = False) -> np.ndarray:
    """Return the answers (F, 7) of a fixed method, clip by clip; `SINGLE` is the frames themselves."""
    if method == SINGLE:
        return data.probabilities
    parts = [METHODS[method](data.probabilities[part], length, centred) for part in data.clips()]
    return np.concatenate(parts)


def measured(data: Known, answer: np.ndarray, centred: bool = False, level: str | None = None) -> Course:
    """Measure an answer (F, 7) on the clips of a level, or of all; frames that warm up do not count.

    Raises:
        DataError: there is no clip of the level.
    """
    clips = [_clip(data, answer, part, centred) for part in data.clips(level)]
    if not clips:
        raise DataError(f"no clips of level {level}; there are: {', '.join(sorted(set(data.level)))}")
    return course(clips)


def _clip(data: Known, answer: np.ndarray, part: slice, centred: bool) -> Clip:
    """Return what is compared in one clip, as far as faces were seen."""
    seen = ~np.isnan(answer[part]).any(axis=1)
    target = int(data.target[part.start])
    judged = seen & ~warm_up(part.stop - part.start, max(LENGTHS), centred)
    reference = parabola(data.probabilities[part], centred=True)[:, target]
    return Clip(answer[part], data.intensity[part], target, NEUTRAL, judged, reference)


def table(courses: Mapping[str, Course], count: int = 10_000) -> dict[str, dict[str, Any]]:
    """Return every measure of every method with its 95 % interval over clips."""
    rows = draws(len(next(iter(courses.values())).moments), count)
    result: dict[str, dict[str, Any]] = {}
    for name, one in courses.items():
        result[name] = {"longest frozen run": one.latched}
        for measure in MEASURES:
            low, high = interval(one.figure(measure, rows))
            result[name] |= {measure: float(one.figure(measure)), f"{measure}, interval": [low, high]}
    return result


def claims(ours: Course, average: Course, parabolas: Mapping[int, Course], count: int = 10_000) -> dict[str, Any]:
    """Return the three claims of SPEC 2.6 with paired intervals over clips, and the verdicts.

    A claim 'holds' where the whole interval lies on the wished side of the limit, 'does not hold' where it lies on the
    other, and is 'undecided' in between. 'Not worse' has a margin: `LESS_FIDELITY`, `MORE_LAG`.

    Args:
        ours: what was learned, at `LENGTH`.
        average: the moving average of the same length.
        parabolas: by length; their fidelity at equal jitter is read between neighbouring lengths.
        count: bootstrap draws.
    """
    rows = draws(len(ours.moments), count)
    share = _pair(lambda r: ours.figure("jitter", r) / average.figure("jitter", r), rows)
    faithful = _pair(lambda r: ours.figure("fidelity", r) - average.figure("fidelity", r), rows)
    later = _pair(lambda r: ours.figure("lag", r) - average.figure("lag", r), rows)
    beyond = _pair(lambda r: ours.figure("fidelity", r) - _at_jitter(parabolas, ours.figure("jitter", r), r), rows)
    frozen = "holds" if ours.latched <= LENGTH else "does not hold"
    return {
        "(a) jitter / that of the moving average": _row(share, SHARE_OF_JITTER, below=True),
        "(b) fidelity - that of the moving average": _row(faithful, -LESS_FIDELITY),
        "(b) lag - that of the moving average, frames": _row(later, MORE_LAG, below=True),
        "(c) fidelity - that of a parabola of equal jitter": _row(beyond, -LESS_FIDELITY),
        "latching: longest frozen run, frames": {
            "found": ours.latched,
            "interval": None,
            "wished": f"at most {LENGTH}",
            "verdict": frozen,
        },
    }


def _pair(figure: Callable[[np.ndarray | None], np.ndarray], rows: np.ndarray) -> tuple[float, float, float]:
    """Return a figure with its interval."""
    return float(figure(None)), *interval(figure(rows))


def _row(found: tuple[float, float, float], limit: float, below: bool = False) -> dict[str, Any]:
    """Return a claim's row; without numbers, as where no parabola has the jitter, nothing is decided."""
    value, low, high = found
    verdict = "undecided"
    if (high <= limit) if below else (low >= limit):
        verdict = "holds"
    elif (low > limit) if below else (high < limit):
        verdict = "does not hold"
    wish = f"{'at most' if below else 'at least'} {limit:g}"
    if np.isnan([value, low, high]).any():
        return {"found": None, "interval": None, "wished": wish, "verdict": verdict}
    return {"found": value, "interval": [low, high], "wished": wish, "verdict": verdict}


def _at_jitter(curves: Mapping[int, Course], wanted: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
    """Return the fidelity of a family of windows where its jitter is the wanted one, interpolated in its logarithm.

    NaN where none of them is so calm, or so restless.
    """
    jitter = _log(np.stack([np.atleast_1d(one.figure("jitter", rows)) for one in curves.values()]))
    faithful = np.stack([np.atleast_1d(one.figure("fidelity", rows)) for one in curves.values()])
    order, at = np.argsort(jitter, axis=0), _log(np.atleast_1d(wanted))
    jitter, faithful = (np.take_along_axis(values, order, axis=0) for values in (jitter, faithful))
    found = np.array([np.interp(x, jitter[:, k], faithful[:, k], left=np.nan, right=np.nan) for k, x in enumerate(at)])
    return found if np.ndim(wanted) else found[0]


def _log(values: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(values, 1e-12))  # what does not move at all is as good as this


def pareto(
    data: Known, methods: Sequence[str], centred: bool = False, lengths: Sequence[int] = LENGTHS
) -> dict[str, dict[int, Course]]:
    """Return what fixed methods do with windows of several lengths."""
    return {
        method: {length: measured(data, smoothed(data, method, length, centred), centred) for length in lengths}
        for method in methods
    }
