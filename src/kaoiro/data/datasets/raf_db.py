"""RAF-DB, basic emotions: faces from Flickr, each labelled by about forty people.

Source:   Li, Deng and Du, "Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression Recognition in
          the Wild", CVPR 2017; whdeng.cn/RAF/model1.html.
Classes:  1 surprise, 2 fear, 3 disgust, 4 happiness, 5 sadness, 6 anger, 7 neutral.
Layout:   ROOT or ROOT/basic:
              EmoLabel/list_patition_label.txt          train_00001.jpg 5
              Image/aligned/train_00001_aligned.jpg     100 by 100 pixels; else
              Image/original/train_00001.jpg            with Annotation/boundingbox/train_00001_boundingbox.txt
          Aligned pictures are taken where there are some. Landmarks and attributes are not read; of the compound part,
          whose eleven classes are no expression of the eight, nothing is.
          Unconfirmed: that boxes are left, top, right, bottom (one public reader takes them so).
Persons:  unknown.
Splits:   official, in the names: 12,271 train, 3,068 test.
Licence:  non-commercial research, on request; pictures may not be handed on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kaoiro.core.errors import DataError
from kaoiro.core.types import Box
from kaoiro.data.datasets.listing import MISSING, Presence, lines, meaning, numbers, unnested
from kaoiro.data.labelled_set import LabelledSet, LeftOut, Row, gathered

CODES = {
    "1": "surprise",
    "2": "fear",
    "3": "disgust",
    "4": "happiness",
    "5": "sadness",
    "6": "anger",
    "7": "neutral",
}
LIST = Path("EmoLabel", "list_patition_label.txt")
SPLITS = ("train", "test")


def read(root: Path) -> LabelledSet:
    """Read the basic part, in the order of its list.

    Raises:
        DataError: files are missing or not in the documented layout.
    """
    for folder in (root, root / "basic"):
        if (folder / LIST).is_file():
            return gathered("raf-db", root, _rows(folder))
    raise DataError(f"{root} has no {LIST.as_posix()}; --root must name RAF-DB's folder 'basic', or the one around it")


def _rows(root: Path) -> Iterator[Row | LeftOut]:
    aligned, original = (unnested(root / "Image" / name) for name in ("aligned", "original"))
    if not aligned.is_dir() and not original.is_dir():
        raise DataError(f"{root} has neither Image/aligned nor Image/original; unpack one of them there")
    there = Presence()
    for where, line in lines(root / LIST):
        name, _, code = line.partition(" ")
        stem, split = Path(name).stem, name.partition("_")[0]
        if split not in SPLITS:
            raise DataError(f"{where}: names begin with {' or '.join(f'{one}_' for one in SPLITS)}; found {name!r}")
        label = meaning(code, CODES, where)
        path = aligned / f"{stem}_aligned.jpg" if aligned.is_dir() else original / name
        if isinstance(label, LeftOut):
            yield label
        elif path not in there:
            yield MISSING
        else:
            box = unnested(root / "Annotation" / "boundingbox") / f"{stem}_boundingbox.txt"
            given = not aligned.is_dir() and box in there
            yield Row(name, label, path, split=split, box=_box(box) if given else None)


def _box(path: Path) -> Box:
    for where, line in lines(path):
        left, top, right, bottom = numbers(line, 4, where)
        if right <= left or bottom <= top:
            raise DataError(f"{where}: expected left, top, right and bottom of a face, found {line!r}")
        return Box(left, top, right - left, bottom - top)
    raise DataError(f"{path} is empty; is the folder complete?")
