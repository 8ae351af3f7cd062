"""SFEW 2.0: single frames of films, the faces of AFEW at one moment.

Source:   Dhall, Goecke, Lucey and Gedeon, "Static Facial Expression Analysis in Tough Conditions", ICCV Workshops 2011;
          Dhall et al., "Video and Image based Emotion Recognition Challenges in the Wild: EmotiW 2015", ICMI 2015;
          cs.anu.edu.au/few.
Classes:  Angry, Disgust, Fear, Happy, Neutral, Sad, Surprise.
Layout:   ROOT/Train/Train_Aligned_Faces/Angry/Airheads_000519240_00000005.png (film, time in it, frame),
          ROOT/Val/Val_Aligned_Faces_new/…, ROOT/Test/…; parts and aligned folders may also lie side by side in ROOT.
          Whole frames (ROOT/Train/Angry/…) are read where a part has no aligned faces.
Persons:  unknown; films by the names of files, which are not divided.
Splits:   official; test pictures have no label and are left out.
Licence:  research, on request; frames belong to the films and are not handed on.
"""

from __future__ import annotations

from pathlib import Path

from kaoiro.core.suffixes import PHOTO_SUFFIXES
from kaoiro.data.datasets import emotiw
from kaoiro.data.labelled_set import LabelledSet, LeftOut, Row, gathered


def read(root: Path) -> LabelledSet:
    """Read the set: train before val, each in the order of paths.

    Raises:
        DataError: no part is there, or none has a label.
    """
    found = emotiw.labelled(root, PHOTO_SUFFIXES, "SFEW 2.0")
    return gathered("sfew", root, (one if isinstance(one, LeftOut) else _row(one) for one in found))


def _row(one: emotiw.Labelled) -> Row:
    return Row(one.id, one.label, one.path, group=one.film, split=one.split)
