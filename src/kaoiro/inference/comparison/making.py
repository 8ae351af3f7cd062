"""Compares recordings after an event with those before it, and keeps what the page and exports need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kaoiro.core.checks import require
from kaoiro.core.errors import InputError
from kaoiro.inference.change import AUTO as ESTIMATED
from kaoiro.inference.change import Rest
from kaoiro.inference.comparison.circumstances import Contrast, contrasts
from kaoiro.inference.comparison.families import Family, Question, families
from kaoiro.inference.comparison.floors import NoiseFloors, noise_floors
from kaoiro.inference.comparison.leaving import Unit, groups_of, units_of
from kaoiro.inference.comparison.notes import Note, notes_of
from kaoiro.inference.comparison.people import PERSON, Given
from kaoiro.inference.comparison.reading import assign_people, check_files, distinct_names, one_model, read_sides
from kaoiro.inference.comparison.shown import Means, shown
from kaoiro.inference.floor import load
from kaoiro.inference.recording import Model, Recorded
from kaoiro.inference.report.confounds import Confounds, confounds
from kaoiro.inference.report.inputs import LANGUAGES, Advance, Paths, check_names, paths, records_folder, rest_of
from kaoiro.inference.report.measured import LABELS, RAW, Settings
from kaoiro.inference.report.pictures import pictures
from kaoiro.inference.report.recognised import Choice, chosen_tracks, person_of
from kaoiro.inference.report.speaker import AUTO, Lane, lane
from kaoiro.inference.report.speaker import speaker as _lane
from kaoiro.inference.report.videos import video_of
from kaoiro.timeline.changes import LEVEL
from kaoiro.timeline.intervals import Blocks
from kaoiro.timeline.permutation import Sides
from kaoiro.timeline.sampled import STEP_S

if TYPE_CHECKING:
    import pandas as pd

PAGE = "compare.html"
"""Whose name the records of videos have where the page is not written."""
SETTINGS = Settings(blocks=Blocks(longest_s=60.0))
"""The usual: slow faces need longer blocks than a report draws, and verdicts on single recordings rest on them."""


@dataclass(eq=False)
class Compared:
    """One recording of a comparison.

    Attributes:
        name: its own among all recordings.
        given: as it was given: file, side, person.
        lane: whose face in it.
        means: what the face showed, by kind of table.
        confounds: how it was made.
        counts: whether it is compared; False of people who were recorded on one side only.
        choice: how the face was found by a photo, if so.
    """

    name: str
    given: Given
    lane: Lane
    means: dict[str, Means]
    confounds: Confounds
    counts: bool = True
    choice: Choice | None = None

    @property
    def recorded(self) -> Recorded:
        """Its samples."""
        return self.given.recorded

    @property
    def after(self) -> bool:
        """On which side it is."""
        return self.given.after

    @property
    def minutes(self) -> float:
        """In which its face was seen."""
        return self.lane.seen_s / 60


@dataclass(eq=False)
class Comparison:
    """What changed after an event, and what that is worth.

    Attributes:
        everything: all recordings, those before the event first.
        sides: of those that count.
        families: the changes, table by table.
        contrasts: how recordings of both sides were made.
        floors: the noise floor, if one holds.
        model: that measured all of them; None if it is not known of each.
        notes: what must not be overlooked.
        by: 'person' if people are compared with themselves, None if all recordings are taken for one person's.
        settings: how they were measured.
        language: shown first, 'en' or 'ja'.
    """

    everything: list[Compared]
    sides: Sides
    families: list[Family]
    contrasts: list[Contrast]
    floors: NoiseFloors
    model: Model | None
    by: str | None = None
    settings: Settings = field(default_factory=Settings)
    language: str = "en"
    notes: list[Note] = field(default_factory=list)

    @property
    def compared(self) -> list[Compared]:
        """The recordings that count."""
        return [one for one in self.everything if one.counts]

    @property
    def units(self) -> list[Unit]:
        """What is left out at a time: recordings, events or people."""
        return units_of(self.compared)

    @property
    def before(self) -> int:
        """How many recordings before the event count."""
        return sum(not one.after for one in self.compared)

    @property
    def after(self) -> int:
        """How many recordings after it count."""
        return sum(one.after for one in self.compared)

    @property
    def people(self) -> list[str]:
        """Those who are compared, in the order of their recordings; one without a name if nobody told them apart."""
        return list(dict.fromkeys(one.given.person for one in self.compared))

    @property
    def least(self) -> float:
        """The smallest p that rearranging so many recordings can give; 1 for two single ones."""
        test = self.families[0].change.test
        return 1.0 if test is None else test.least

    @property
    def least_alone(self) -> float:
        """The smallest adjusted p that an expression can get that changes alone among the eight."""
        return min(1.0, self.least * len(LABELS))

    @property
    def single(self) -> bool:
        """Whether one recording is compared with one, which cannot be rearranged."""
        return self.families[0].change.test is None

    @property
    def possible(self) -> bool:
        """Whether any change could be a signal with so many recordings."""
        return self.single or self.least <= 1 - LEVEL

    def changes(self) -> pd.DataFrame:
        """Return one line for each label of each table: before, after, difference, interval, floor, p and verdict."""
        from kaoiro.inference.comparison.exports import changes_table

        return changes_table(self)

    def recordings(self) -> pd.DataFrame:
        """Return one line for each recording, table and label: side, person, share, bootstrap sd, minutes seen."""
        from kaoiro.inference.comparison.exports import recordings_table

        return recordings_table(self)

    def left_out(self) -> pd.DataFrame:
        """Return one line for each label and unit: the difference and p without that recording, event or person."""
        from kaoiro.inference.comparison.exports import left_out_table

        return left_out_table(self)

    def html(self) -> str:
        """Return the page."""
        from kaoiro.inference.comparison.document import page

        return page(self)

    def write(self, path: Paths) -> Path:
        """Write the page as one self-contained file.

        Raises:
            OutputError: the place cannot be written.
        """
        from kaoiro.core.files import write_text

        target = Path(path)
        write_text(target, self.html())
        return target

    def export(self, folder: Paths) -> list[Path]:
        """Write the tables of changes, recordings and leaving out as CSV and Parquet.

        Raises:
            OutputError: the folder cannot be written.
        """
        from kaoiro.inference.comparison.exports import export

        return export(self, Path(folder))


def compare(
    before: Paths | Sequence[Paths],
    after: Paths | Sequence[Paths],
    out: Paths | None = None,
    *,
    by: str | None = None,
    people: Paths | None = None,
    track: str | int = AUTO,
    largest: bool = False,
    speaker: Paths | None = None,
    recogniser: Paths | None = None,
    same_from: float | None = None,
    every: float | None = STEP_S,
    baseline: Paths | Rest | None = None,
    noise_floor: Paths | None = None,
    level: str | None = None,
    language: str = "en",
    model: Paths | None = None,
    settings: Settings | None = None,
    advance: Advance = lambda name, time_s, length_s: None,
) -> Comparison:
    """Return what changed after an event and whether it is more than noise; write it as a page if `out` says where.

    Args:
        before: recordings before the event: tables of records (.csv, .parquet, .jsonl) that `kaoiro analyze` wrote,
            each of one recording or several, or videos, which are analysed first into the folder `<out>-records` (or
            'compare-records').
        after: recordings after it, likewise.
        out: the page.
        by: 'person' compares each person with nobody but themselves; None takes all recordings for one person's.
        people: CSV with the columns recording, person and perhaps track and event (recordings of one event are left
            out together); None takes the name of each file's folder for the person's. Without `by` it has the columns
            recording, event and perhaps track.
        track: whose face: 'auto' takes the track that is seen longest; else its number, or several joined by commas.
        largest: take the largest face of each sample, whoever it is.
        speaker: a photo of the one person of all recordings, whose tracks are found in the videos beside the records.
        recogniser: ONNX file of the face recogniser that compares them; kaoiro ships none.
        same_from: cosine from which a face counts as that person's; None is the recogniser's own.
        every: seconds between samples; None takes every frame.
        baseline: the resting face: a file that shows it (see `Analyzer.rest`), or 'auto', which estimates it from each
            recording. Records with changes of their own keep them where it is None.
        noise_floor: that `kaoiro calibrate-floor` wrote for the model; None is the one that ships.
        level: of the noise floor; None is the person's own, if it has one, and 'medium' otherwise.
        language: shown first, 'en' or 'ja'.
        model: which measures videos and `baseline`; None is the default.
        settings: of the intervals; None is `SETTINGS`.
        advance: called with name, seconds done and length while a video is measured.

    Raises:
        InputError: an input that cannot be used or shows no face, recordings of different models or given twice,
            people who do not fit them, or nobody who was recorded both before and after.
        OutputError: a place that cannot be written.
    """
    require(language in LANGUAGES, "language", " or ".join(LANGUAGES), language)
    require(by in (None, PERSON), "what recordings are compared by", PERSON, by)
    check_files(paths(before), paths(after))
    asked, settings = _Asked.of(people, noise_floor, level), settings or SETTINGS
    if speaker is not None and by is not None:
        raise InputError("--speaker is a photo of one person; --by person takes each one's track from --people FILE")
    person = person_of(speaker, recogniser, same_from, str(track) != AUTO or largest)
    given = read_sides(paths(before), paths(after), every, records_folder(out, PAGE), model, advance)
    found_model = one_model(given)
    assign_people(given, by is not None, asked.people)
    _check_rest(baseline, given)
    rest = rest_of(baseline, model, [one.recorded for one in given])
    choices = [None if person is None else chosen_tracks(one.recorded, person, advance) for one in given]
    everything = [
        _compared(name, one, settings, rest, choice or _lane(one.recorded, one.track or str(track), largest))
        for name, one, choice in zip(distinct_names(given), given, choices, strict=True)
    ]
    result = _comparison(everything, asked, found_model, by, settings, language)
    result.notes = notes_of(result)
    if out is not None:
        result.write(out)
    return result


@dataclass(frozen=True)
class _Asked:
    """Files and a level that were asked for."""

    people: Path | None
    floor: Path | None
    level: str | None

    @classmethod
    def of(cls, people: Paths | None, floor: Paths | None, level: str | None) -> _Asked:
        """Refuse what cannot be read, before minutes are spent on a video."""
        asked = cls(None if people is None else Path(people), None if floor is None else Path(floor), level)
        check_names([path for path in (asked.people, asked.floor) if path is not None])
        if asked.floor is not None:
            load(asked.floor)
        return asked


def _check_rest(baseline: Paths | Rest | None, given: Sequence[Given]) -> None:
    people = list(dict.fromkeys(one.person for one in given))
    if baseline is not None and baseline != ESTIMATED and len(people) > 1:
        raise InputError(
            f"one resting face for {len(people)} people ({', '.join(people[:4])}): take --baseline auto, which "
            "estimates everybody's own"
        )


def _compared(name: str, given: Given, settings: Settings, rest: Rest | str | None, whose: Lane | Choice) -> Compared:
    recorded = given.recorded
    chosen = lane(recorded, whose.tracks) if isinstance(whose, Choice) else whose
    means = shown(recorded, chosen, settings, rest)
    if not np.isfinite(means[RAW].mean).all():
        raise InputError(f"{given.path}: {recorded.source}: the face was never seen, so that there is no share of it")
    picture = pictures(video_of(recorded), recorded, chosen, [], blur=False)
    known = confounds(recorded, chosen, lane(recorded, None), picture.resolution, picture.lights)
    choice = whose if isinstance(whose, Choice) else None
    return Compared(name, given, chosen, means, known, choice=choice)


def _comparison(
    everything: list[Compared],
    asked: _Asked,
    model: Model | None,
    by: str | None,
    settings: Settings,
    language: str,
) -> Comparison:
    _choose(everything)
    compared = [one for one in everything if one.counts]
    after = np.array([one.after for one in compared])
    sides = Sides.of(after, np.array([one.given.person for one in compared]))
    floors = noise_floors(asked.floor, asked.level, model, min(one.minutes for one in compared))
    groups = groups_of(units_of(compared), len(compared))
    question = Question(sides, floors, settings.blocks.level, settings.seed, groups)
    found = families([one.means for one in compared], question)
    made = contrasts([one.confounds for one in compared], [one.lane.seen_s for one in compared], sides)
    return Comparison(everything, sides, found, made, floors, model, by, settings, language)


def _choose(everything: Sequence[Compared]) -> None:
    """Let count who was recorded on both sides.

    `Sides` would give the others no weight, but let their scatter tell how exact the difference is; here they do not
    count at all, so that the number of recordings on the page is the number that the result rests on.
    """
    sides = {
        one.given.person: {two.after for two in everything if two.given.person == one.given.person}
        for one in everything
    }
    for one in everything:
        one.counts = len(sides[one.given.person]) > 1
    if not any(one.counts for one in everything):
        names = ", ".join(
            f"{person} ({'after' if True in found else 'before'} only)" for person, found in sides.items()
        )
        raise InputError(f"nobody was recorded both before and after: {names}")
