"""CK+: posed expressions from neutral to their peak, with action units by FACS coders.

Source:   Lucey et al., "The Extended Cohn-Kanade Dataset (CK+)", CVPR Workshops 2010; jeffcohn.net/Resources.
Classes:  0 neutral (never used), 1 anger, 2 contempt, 3 disgust, 4 fear, 5 happiness, 6 sadness, 7 surprise.
Layout:   ROOT, or folders in it, as its ReadMe has it:
              cohn-kanade-images/S005/001/S005_001_00000011.png   593 sequences of 123 people
              Emotion/S005/001/S005_001_00000011_emotion.txt      327 of them; the others are left out and counted
              FACS/S005/001/S005_001_00000011_facs.txt            an action unit and its intensity in each line
          Each labelled sequence gives two rows: its last frame, the peak, with the label, and its first as neutral,
          which is how all of them begin.
          Units: 1 for those in the file, 0 for the others of `labels.ACTION_UNITS`; units that have no column are
          passed over. Unconfirmed: that an intensity of 0 means a unit that is there and was not graded.
Persons:  the first folder, S005.
Splits:   none; figures are usually on ten groups of people.
Licence:  research, by a signed agreement; only some people may be shown in print.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kaoiro.core.labels import ACTION_UNITS
from kaoiro.core.suffixes import PHOTO_SUFFIXES
from kaoiro.data.datasets.listing import files, found, frame_number, lines, meaning, needed, numbers, subfolders
from kaoiro.data.labelled_set import LabelledSet, LeftOut, Row, Span, gathered

CODES = {
    "0": "neutral",
    "1": "anger",
    "2": "contempt",
    "3": "disgust",
    "4": "fear",
    "5": "happiness",
    "6": "sadness",
    "7": "surprise",
}
IMAGES, EMOTION, FACS = "cohn-kanade-images", ("Emotion", "Emotion_labels"), ("FACS", "FACS_labels")


def read(root: Path) -> LabelledSet:
    """Read the set: people and sequences in order, neutral before the peak.

    Raises:
        DataError: files are missing or not in the documented layout.
    """
    images, emotion = needed(root, "CK+", IMAGES), needed(root, "CK+", *EMOTION)
    return gathered("ck-plus", root, _rows(images, emotion, found(root, *FACS)))


def _rows(images: Path, emotion: Path, facs: Path | None) -> Iterator[Row | LeftOut]:
    for person in subfolders(images):
        for sequence in subfolders(person):
            frames = files(sequence, PHOTO_SUFFIXES)
            below = Path(person.name, sequence.name)
            written = [] if not frames else _texts(emotion / below, "_emotion.txt")
            if not written:
                yield LeftOut("sequences without a label of emotion" if frames else "sequences without frames")
                continue
            yield from _sequence(below, frames, written[0], [] if facs is None else _texts(facs / below, "_facs.txt"))


def _texts(folder: Path, ending: str) -> list[Path]:
    return [path for path in files(folder, (".txt",)) if path.name.endswith(ending)] if folder.is_dir() else []


def _sequence(below: Path, frames: list[Path], written: Path, facs: list[Path]) -> Iterator[Row | LeftOut]:
    names = {path.stem: path for path in frames}
    peak = names.get(written.name.removesuffix("_emotion.txt"), frames[-1])
    label = LeftOut("files of emotion that are empty")
    for where, line in lines(written):
        label = meaning(line, CODES, where)
        break
    if isinstance(label, LeftOut):
        yield label
        return
    person, first, last = below.parts[0], frame_number(frames[0]), frame_number(peak)
    if frames[0] != peak:
        span = Span(peak.parent, first, first)
        yield Row((below / frames[0].name).as_posix(), "neutral", frames[0], person, span=span)
    units = None
    if facs:
        there = {f"au_{unit:02d}" for unit in intensities(facs[0])}
        units = {name: float(name in there) for name in ACTION_UNITS.labels}
    yield Row((below / peak.name).as_posix(), label, peak, person, span=Span(peak.parent, first, last), units=units)


def intensities(path: Path) -> dict[int, float]:
    """Return the action units in a file of FACS codes: number and intensity, 0 to 5.

    Raises:
        DataError: it cannot be read, or a line is not a unit and its intensity.
    """
    pairs = [numbers(line, 2, where) for where, line in lines(path)]
    return {int(unit): intensity for unit, intensity in pairs}
