"""Tables and subtitles beside a report: shares, episodes, transcripts joined with shares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kaoiro.core.files import replacing, write_text, writing
from kaoiro.core.plain import inert
from kaoiro.inference.recording import EXPRESSION_COLUMNS
from kaoiro.inference.report.measured import LABELS
from kaoiro.inference.transcript import Cue

if TYPE_CHECKING:
    import pandas as pd

    from kaoiro.inference.report.making import RecordingReport, Report


@dataclass(frozen=True, eq=False)
class Said:
    """What the speaker's face showed while a cue lasted.

    Attributes:
        cue: of the transcript.
        shares: (8,) means of the samples within it; NaN where the face was not seen.
        coverage: share of its samples in which it was, 0-1.
    """

    cue: Cue
    shares: np.ndarray
    coverage: float


def joined(one: RecordingReport) -> list[Said]:
    """Return the transcript of a recording with the shares of each cue."""
    lane = one.speaker.lane
    table = lane.samples.take(one.recorded.table(EXPRESSION_COLUMNS, lane.rows))
    edges, weights = lane.samples.edges_s - one.recorded.start_s, lane.samples.weights_s
    return [_said(cue, table, edges, weights) for cue in one.cues]


def _said(cue: Cue, table: np.ndarray, edges: np.ndarray, weights: np.ndarray) -> Said:
    """Return the means over the time that samples share with a cue."""
    first, last = np.searchsorted(edges[:, 1], cue.start_s, "right"), np.searchsorted(edges[:, 0], cue.end_s)
    part, mass = table[first:last], np.clip(edges[first:last, 1], None, cue.end_s)
    mass = np.clip(mass - np.clip(edges[first:last, 0], cue.start_s, None), 0, weights[first:last])
    known = np.isfinite(part).all(axis=1)
    total = mass[known].sum()
    shares = mass[known] @ part[known] / total if total > 0 else np.full(len(LABELS), np.nan)
    return Said(cue, shares, float(total / mass.sum()) if mass.sum() > 0 else 0.0)


def shares_table(report: Report) -> pd.DataFrame:
    """Return one line for each recording, table and label of the speakers."""
    import pandas as pd

    return pd.DataFrame(
        [
            {"recording": one.recorded.name, "track": one.speaker.lane.name}
            | asdict(line)
            | _drawn(one, line.kind)
            | report.floors.worth(one.recorded, one.speaker, line)
            for one in report.recordings
            for line in one.speaker.lines
        ]
    )


def _drawn(one: RecordingReport, kind: str) -> dict[str, Any]:
    drawn = one.speaker.drawn[kind]
    model = one.recorded.model
    return {"block_s": drawn.block_s, "block_cut": drawn.cut, "model": "" if model is None else model.digest}


_EPISODE_COLUMNS = ("recording", "track", "label", "start_s", "end_s", "duration_s", "peak", "peak_s", "mean")


def episodes_table(report: Report) -> pd.DataFrame:
    """Return one line for each episode of the speakers; times as in the records."""
    import pandas as pd

    rows = [
        {"recording": one.recorded.name, "track": one.speaker.lane.name}
        | asdict(found)
        | {"duration_s": found.duration_s}
        for one in report.recordings
        for found in one.speaker.episodes
    ]
    types = dict.fromkeys(_EPISODE_COLUMNS[:3], "str") | dict.fromkeys(_EPISODE_COLUMNS[3:], "float64")
    return pd.DataFrame(rows, columns=list(_EPISODE_COLUMNS)).astype(types)


def transcript_table(one: RecordingReport) -> pd.DataFrame:
    """Return one line for each cue of a transcript; times since the start of the recording."""
    import pandas as pd

    return pd.DataFrame(
        [
            {"start_s": said.cue.start_s, "end_s": said.cue.end_s, "text": said.cue.text, "coverage": said.coverage}
            | dict(zip(EXPRESSION_COLUMNS, said.shares.tolist(), strict=True))
            for said in joined(one)
        ]
    )


def subtitles(one: RecordingReport) -> str:
    """Return the episodes of a recording as WebVTT, times since its start, as players count."""
    start = one.recorded.start_s
    return "\n\n".join(["WEBVTT", *_blocks(one, start)]) + "\n"


def _blocks(one: RecordingReport, start_s: float) -> Iterator[str]:
    for found in one.speaker.episodes:
        times = " --> ".join(_clock(max(0.0, at - start_s)) for at in (found.start_s, found.end_s))
        yield f"{times}\n{found.label} (peak {found.peak:.2f}, mean {found.mean:.2f})"


def _clock(seconds: float) -> str:
    thousandths = round(1000 * seconds)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def export(report: Report, folder: Path) -> list[Path]:
    """Write everything into a folder and return the files."""
    files: list[Path] = []
    for name, table in (("shares", report.shares()), ("episodes", report.episodes())):
        files += [write_table(table, folder / f"{name}.{kind}") for kind in ("csv", "parquet")]
    for name, one in zip(_names(report), report.recordings, strict=True):
        files.append(folder / f"{name}.episodes.vtt")
        write_text(files[-1], subtitles(one))
        if one.cues:
            files.append(write_table(transcript_table(one), folder / f"{name}.transcript.csv"))
    return files


def _names(report: Report) -> list[str]:
    """Return a file name for each recording, all different."""
    plain = [re.sub(r'[\x00-\x1f<>:"/\\|?*]', "_", one.recorded.name) for one in report.recordings]
    return [name if plain.count(name) == 1 else f"{place + 1}-{name}" for place, name in enumerate(plain)]


def write_table(table: pd.DataFrame, path: Path) -> Path:
    """Write a table as CSV or Parquet, by the ending of its name, and return where.

    In CSV, texts that a spreadsheet would take for formulas have an apostrophe before them (`core.plain.inert`).

    Raises:
        OutputError: the place cannot be written.
    """
    with replacing(path) as partial, writing(path):
        if path.suffix == ".csv":
            _inert(table).to_csv(partial, index=False, lineterminator="\n")
        else:
            table.to_parquet(partial, index=False, compression="zstd")
    return path


def _inert(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without texts that act in spreadsheets; numbers stay."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    texts = [name for name in table if not is_numeric_dtype(table[name]) and not is_bool_dtype(table[name])]
    return table.assign(**{str(name): table[name].map(inert, na_action="ignore") for name in texts})
