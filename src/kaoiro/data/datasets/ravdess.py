"""RAVDESS: 24 actors who speak and sing two sentences with eight emotions, on video.

Source:   Livingstone and Russo, "The Ryerson Audio-Visual Database of Emotional Speech and Song", PLoS ONE 13(5), 2018;
          zenodo.org/record/1188976.
Classes:  01 neutral, 03 happy, 04 sad, 05 angry, 06 fearful, 07 disgust, 08 surprised; 02 calm is not one of the eight:
          left out and counted.
Layout:   ROOT, at any depth: Actor_12/02-01-06-01-02-01-12.mp4, whose parts are
              modality    01 picture and sound, 02 picture alone, 03 sound alone (left out and counted)
              channel     01 speech, 02 song
              emotion     see above
              intensity   01 normal, 02 strong
              statement   01 or 02
              repetition  01 or 02
              actor       01 to 24
          Of a performance with and without sound, whose pictures are the same, the one without is left out.
          A row is a whole video; the frame in its middle stands for it where one picture is wanted.
Persons:  the actor, by number.
Splits:   none.
Licence:  CC BY-NC-SA 4.0; commercial licences are sold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kaoiro.core.errors import DataError
from kaoiro.data.datasets.listing import files_below, meaning
from kaoiro.data.labelled_set import LabelledSet, LeftOut, Row, Span, gathered

CODES = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
SUFFIXES = (".mp4", ".wav")
_NAME = re.compile(r"\d\d(-\d\d){6}")
_SOUND_ALONE = "03"


def read(root: Path) -> LabelledSet:
    """Read the set, in the order of actors and names.

    Raises:
        DataError: no video has a name as RAVDESS has them, or a name has a code that there is not.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; --root must name the folder that holds Actor_01, Actor_02, …")
    return gathered("ravdess", root, _rows(root))


def _rows(root: Path) -> Iterator[Row | LeftOut]:
    seen: set[str] = set()
    for path in sorted(files_below(root, SUFFIXES), key=lambda one: (one.stem[-2:], one.stem, one)):
        if not _NAME.fullmatch(path.stem):
            yield LeftOut("files without the seven numbers of RAVDESS in their names")
            continue
        modality, performance = path.stem[:2], path.stem[3:]
        label = meaning(path.stem.split("-")[2], CODES, str(path))
        if modality == _SOUND_ALONE or path.suffix.lower() == ".wav":
            yield LeftOut("sound alone")
        elif isinstance(label, LeftOut):
            yield label
        elif performance in seen:
            yield LeftOut("the same pictures once more, without sound")
        else:
            seen.add(performance)
            name = path.relative_to(root).as_posix()
            yield Row(name, label, path, person=path.stem[-2:], span=Span(path))
