"""Adds to records how far every measurement is from the person's resting face: the `…_change` columns."""

from __future__ import annotations

import math
import pickle
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Literal, Protocol

import numpy as np

from kaoiro.core.errors import TruncatedVideo
from kaoiro.core.files import writing
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import CHANGED, Record, changed, expression_column
from kaoiro.timeline.baseline import LEAST, PIECE_S, Rests, typical

AUTO: Literal["auto"] = "auto"
"""Baseline of a video that is estimated from it."""
_NEUTRAL = CHANGED.index(expression_column("neutral"))
_SHARES = len(EXPRESSIONS)  # the first of `CHANGED`, which add up to 1
_IN_MEMORY = 1 << 20  # bytes of records that need no file


@dataclass(frozen=True)
class Rest:
    """A person's resting face.

    Attributes:
        scores: by column, such as 'expression_fear' and 'au_12'; what is not known is not there.
        notes: what was left out where it was measured.
        frames: that it was measured from; 0 if nobody knows.
    """

    scores: Mapping[str, float]
    notes: tuple[str, ...] = ()
    frames: int = 0

    @classmethod
    def of(cls, values: np.ndarray, notes: tuple[str, ...] = ()) -> Rest:
        """Return the rest of measurements that were all made at rest: (T, K) in the order of `CHANGED`."""
        return _rest(typical(values, _SHARES), notes, len(values))

    def applied(self, record: Record) -> Record:
        """Return a record with the differences of its scores from the rest, as far as both are known."""
        known = [name for name in CHANGED if name in record.scores and name in self.scores]
        differences = {changed(name): record.scores[name] - self.scores[name] for name in known}
        return replace(record, scores={**record.scores, **differences}) if differences else record


Baseline = Rest | Literal["auto"]


class Applied(Protocol):
    """What adds changes to records."""

    def applied(self, record: Record) -> Record:
        """Return a record with its changes."""
        ...


@dataclass(frozen=True)
class TrackRests:
    """The resting face of each track of a recording, estimated from it.

    Attributes:
        rests: by track; None where the track is too short.
    """

    rests: Mapping[int, Rest | None]

    def applied(self, record: Record) -> Record:
        """Return a record with the differences from its track's rest, if there is one."""
        rest = None if record.track is None else self.rests.get(record.track)
        return record if rest is None else rest.applied(record)

    @property
    def note(self) -> str:
        """The tracks that have no rest, in a sentence; empty if all have one."""
        short = [str(track) for track in sorted(self.rests) if self.rests[track] is None]
        if not short:
            return ""
        shown = ", ".join(short[:8]) + (f" and {len(short) - 8} more" if len(short) > 8 else "")
        which, whose = ("track", "its") if len(short) == 1 else ("tracks", "their")
        return (
            f"no resting face for {which} {shown}: seen in fewer than {LEAST} stretches of {PIECE_S:g} s; "
            f"{whose} changes stay empty"
        )


def values_of(record: Record) -> tuple[float, ...]:
    """Return a record's measurements (K,) in the order of `CHANGED`; NaN where the model does not answer them."""
    return tuple(record.scores.get(name, math.nan) for name in CHANGED)


class Estimate:
    """Estimates the rests of a recording from its records as they pass."""

    def __init__(self) -> None:
        self._rests = Rests(_NEUTRAL, _SHARES)

    def add(self, record: Record) -> None:
        """Take the next record."""
        if record.has_face and record.track is not None:
            self._rests.add(record.track, record.time_s, values_of(record))

    def finish(self) -> TrackRests:
        """Return what was found."""
        found = self._rests.finish()
        return TrackRests({track: None if row is None else _rest(row) for track, row in found.items()})


def _rest(row: np.ndarray, notes: tuple[str, ...] = (), frames: int = 0) -> Rest:
    known = zip(CHANGED, row.tolist(), strict=True)
    return Rest({name: value for name, value in known if not math.isnan(value)}, notes, frames)


def changes(records: Iterable[Record], baseline: Baseline | None, notes: list[str] | None = None) -> Iterator[Record]:
    """Yield records with their `…_change` columns.

    Args:
        records: of one photo or video, in order.
        baseline: a rest; 'auto' estimates it, for which all records are read first (they wait in a temporary file, not
            in memory); None adds nothing.
        notes: receives the sentence that says which tracks have no rest.

    Raises:
        TruncatedVideo: after the last record, if the video broke off.
    """
    if baseline is None:
        yield from records
    elif isinstance(baseline, Rest):
        yield from map(baseline.applied, records)
    else:
        yield from _estimated(records, [] if notes is None else notes)


def _estimated(records: Iterable[Record], notes: list[str]) -> Iterator[Record]:
    estimate, count = Estimate(), 0
    failure: TruncatedVideo | None = None
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
        try:
            for record in records:
                estimate.add(record)
                _keep(record, spool)
                count += 1
        except TruncatedVideo as error:
            failure = error
        rests = estimate.finish()
        notes.extend([rests.note] if rests.note else [])
        with writing(tempfile.gettempdir()):
            spool.seek(0)
        for _ in range(count):
            yield rests.applied(pickle.load(spool))
    if failure is not None:
        raise failure


def _keep(record: Record, spool: IO[bytes]) -> None:
    with writing(tempfile.gettempdir()):
        pickle.dump(record, spool, pickle.HIGHEST_PROTOCOL)


def estimated(records: Sequence[Record] | Iterable[Record]) -> TrackRests:
    """Return the rests of a recording, which may break off."""
    estimate = Estimate()
    try:
        for record in records:
            estimate.add(record)
    except TruncatedVideo:
        pass  # whoever reads it again is told
    return estimate.finish()
