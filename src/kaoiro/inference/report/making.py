"""Makes the report of recordings: reads, chooses the speaker, measures, and keeps what the page and exports need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kaoiro.core import modelfile
from kaoiro.core.checks import require
from kaoiro.core.errors import InputError
from kaoiro.inference.change import Rest
from kaoiro.inference.heads import visible_from
from kaoiro.inference.recording import Recorded, read_recordings
from kaoiro.inference.report.confounds import Confounds, confounds
from kaoiro.inference.report.floors import Floors, read_floors
from kaoiro.inference.report.inputs import (
    LANGUAGES,
    Advance,
    Paths,
    check_names,
    paths,
    records_folder,
    rest_of,
    table_of,
)
from kaoiro.inference.report.measured import MeasuredLane, Settings, measure
from kaoiro.inference.report.notes import Note, notes_of, outside
from kaoiro.inference.report.pictures import Pictures, pictures
from kaoiro.inference.report.recognised import Choice, chosen_tracks, person_of
from kaoiro.inference.report.speaker import AUTO, LARGEST, lane, longest_first, speaker
from kaoiro.inference.report.videos import video_of
from kaoiro.inference.transcript import Cue, read_events, read_transcript
from kaoiro.timeline.sampled import STEP_S

if TYPE_CHECKING:
    import pandas as pd

PAGE = "report.html"
"""Whose name the records of videos have where the page is not written."""
MOST_LANES = 12
"""Lanes that a report can show, beside the speaker's: the longest, and whoever is largest."""
MOST_EXACT = 5
"""Of them, so many have intervals."""


@dataclass(eq=False)
class RecordingReport:
    """What a report says of one recording.

    Attributes:
        recorded: its samples.
        lanes: the speaker's first, then others.
        confounds: of the speaker's.
        pictures: from the video, if it is at hand.
        video: its file.
        events, cues: what happened and what was said, seconds since the start.
        notes: keys of texts, what could not be said.
        choice: how the speaker was found by a photo, if so.
        told: what must not be overlooked about the speaker's lane.
    """

    recorded: Recorded
    lanes: list[MeasuredLane]
    confounds: Confounds
    pictures: Pictures
    video: Path | None = None
    events: list[Cue] = field(default_factory=list)
    cues: list[Cue] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    choice: Choice | None = None
    told: list[Note] = field(default_factory=list)

    @property
    def outside(self) -> dict[str, int]:
        """How many events, and lines of the transcript ('cues'), begin after the recording has ended."""
        length_s = self.recorded.end_s - self.recorded.start_s
        return {name: outside(getattr(self, name), length_s) for name in ("events", "cues")}

    @property
    def speaker(self) -> MeasuredLane:
        """What the speaker's face showed."""
        return self.lanes[0]


@dataclass(eq=False)
class Report:
    """What faces showed over recordings.

    Attributes:
        recordings: one section each.
        settings: how they were measured.
        floors: the noise floor, if one was measured.
        largest: whether the largest face of each sample stands for the speaker.
        blurred: whether faces are hidden.
        language: shown first, 'en' or 'ja'.
    """

    recordings: list[RecordingReport]
    settings: Settings
    floors: Floors
    largest: bool = False
    blurred: bool = False
    language: str = "en"

    @property
    def mixed_models(self) -> bool:
        """Whether the recordings were measured by different models, or it is not known of some but not all."""
        return len({one.recorded.model and one.recorded.model.digest for one in self.recordings}) > 1

    def shares(self) -> pd.DataFrame:
        """Return the shares, changes and levels of the speakers, one line for each label and table."""
        from kaoiro.inference.report.exports import shares_table

        return shares_table(self)

    def episodes(self) -> pd.DataFrame:
        """Return the episodes of the speakers."""
        from kaoiro.inference.report.exports import episodes_table

        return episodes_table(self)

    def html(self, folder: Path | None = None) -> str:
        """Return the page; videos are looked for relative to `folder`."""
        from kaoiro.inference.report.document import page

        return page(self, folder)

    def write(self, path: Paths) -> Path:
        """Write the page as one self-contained file.

        Raises:
            OutputError: the place cannot be written.
        """
        from kaoiro.core.files import write_text

        target = Path(path)
        write_text(target, self.html(target.resolve().parent))
        return target

    def export(self, folder: Paths) -> list[Path]:
        """Write tables of shares and episodes, subtitles of episodes, and transcripts joined with shares.

        Raises:
            OutputError: the folder cannot be written.
        """
        from kaoiro.inference.report.exports import export

        return export(self, Path(folder))


def report(
    inputs: Paths | Sequence[Paths],
    out: Paths | None = None,
    *,
    track: str | int = AUTO,
    largest: bool = False,
    speaker: Paths | None = None,
    recogniser: Paths | None = None,
    same_from: float | None = None,
    every: float | None = STEP_S,
    baseline: Paths | Rest | None = None,
    transcripts: Paths | Sequence[Paths] = (),
    events: Paths | Sequence[Paths] = (),
    noise_floor: Paths | None = None,
    level: str | None = None,
    blur_faces: bool = False,
    language: str = "en",
    model: Paths | None = None,
    settings: Settings | None = None,
    advance: Advance = lambda name, time_s, length_s: None,
) -> Report:
    """Return what faces showed over long recordings, and write it as a page if `out` says where.

    Args:
        inputs: tables of records (.csv, .parquet, .jsonl) that `kaoiro analyze` wrote, or videos, which are analysed
            first into the folder `<out>-records` (or 'report-records').
        out: the page.
        track: the speaker's: 'auto' takes the track that is seen longest; else its number, or several joined by commas.
        largest: take the largest face of each sample, whoever it is, as the source does.
        speaker: a photo of the speaker, whose tracks are found in the videos beside the records (`recognised`).
        recogniser: of faces, an ONNX file, which compares them; kaoiro ships none.
        same_from: cosine from which a face counts as the speaker's; None is the recogniser's own.
        every: seconds between samples; None takes every frame.
        baseline: the speaker's resting face: a file that shows it (see `Analyzer.rest`), or 'auto', which estimates it
            from the recording. Records with changes of their own keep them where it is None.
        transcripts: SubRip or WebVTT, one for each recording.
        events: CSV with the columns start_s, label and perhaps end_s, one for each recording.
        noise_floor: that `kaoiro calibrate-floor` wrote for the model; None is the one that ships, if any.
        level: of the noise floor; None is the person's own, if it has one, and 'medium' otherwise.
        blur_faces: hide all faces in pictures, and play no video.
        language: shown first, 'en' or 'ja'.
        model: which measures videos and `baseline`; None is the default.
        settings: of shares, episodes and intervals.
        advance: called with name, seconds done and length while a video is measured.

    Raises:
        InputError: an input that cannot be used, shows no face, has no such track or nobody of the photo, or mixes
            models.
        ModelError: the recogniser is none.
        OutputError: a place that cannot be written.
    """
    require(language in LANGUAGES, "language", " or ".join(LANGUAGES), language)
    given = paths(inputs)
    if not given:
        raise InputError("nothing to report on: give a video or its records")
    floors = read_floors(None if noise_floor is None else Path(noise_floor), level)
    named = [paths(one) for one in (events, transcripts)]
    check_names([*given, *named[0], *named[1]])
    person = person_of(speaker, recogniser, same_from, str(track) != AUTO or largest)
    tables = [table_of(path, records_folder(out, PAGE), model, advance) for path in given]
    recorded = [one for table in tables for one in read_recordings(table, every)]
    happened = [read_events(path) for path in named[0]]
    said = [read_transcript(path) for path in named[1]]
    _check_counts(len(recorded), happened, said)
    rest = rest_of(baseline, model, recorded)
    settings = settings or Settings()
    choices = [None if person is None else chosen_tracks(one, person, advance) for one in recorded]
    sections = [
        _section(one, settings, rest, str(track), largest, blur_faces, choice)
        for one, choice in zip(recorded, choices, strict=True)
    ]
    for place, section in enumerate(sections):
        section.events, section.cues = (found[place] if found else [] for found in (happened, said))
        section.told = notes_of(section)
    result = Report(sections, settings, floors, largest, blur_faces, language)
    if out is not None:
        result.write(out)
    return result


def _check_counts(count: int, events: Sequence[list[Cue]], transcripts: Sequence[list[Cue]]) -> None:
    for what, found in (("events", events), ("transcripts", transcripts)):
        if found and len(found) != count:
            raise InputError(
                f"{len(found)} files of {what} for {count} recordings: give one for each, in the same order"
            )


def _section(
    recorded: Recorded,
    settings: Settings,
    rest: Rest | str | None,
    track: str,
    largest: bool,
    blur: bool,
    choice: Choice | None = None,
) -> RecordingReport:
    settings = _with_limits(settings, recorded)
    main = speaker(recorded, track, largest) if choice is None else lane(recorded, choice.tracks)
    others = [] if largest else [number for number in longest_first(recorded) if (number,) != main.tracks]
    asked = [lane(recorded, [number]) for number in others[: MOST_LANES - 1]]
    everyone = lane(recorded, None)
    if others:
        asked.append(everyone)
    measured = [measure(recorded, main, settings, rest)]
    measured += [
        measure(recorded, one, settings, rest, exact=place < MOST_EXACT and one.name != LARGEST)
        for place, one in enumerate(asked, 1)
    ]
    video = video_of(recorded)
    shown = pictures(video, recorded, main, measured[0].episodes, blur)
    known = confounds(recorded, main, everyone, shown.resolution, shown.lights)
    return RecordingReport(recorded, measured, known, shown, video, notes=measured[0].notes, choice=choice)


def _with_limits(settings: Settings, recorded: Recorded) -> Settings:
    """Return settings with the limits of action units that the recording's model names, if it ships."""
    if settings.visible_from or recorded.model is None or not recorded.model.name:
        return settings
    return replace(settings, visible_from=visible_from(modelfile.load(recorded.model.name).specification))
