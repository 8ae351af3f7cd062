"""AFEW: clips of films of one to five seconds, with one expression each (EmotiW 2013 to 2018).

Source:   Dhall, Goecke, Lucey and Gedeon, "Collecting Large, Richly Annotated Facial-Expression Databases from Movies",
          IEEE MultiMedia 19(3), 2012; cs.anu.edu.au/few.
Classes:  Angry, Disgust, Fear, Happy, Neutral, Sad, Surprise.
Layout:   ROOT/Train_AFEW/Angry/000046280.avi, ROOT/Val_AFEW/…, ROOT/Test_vid_Distribute/….avi (folders that begin with
          Train, Val, Test; others may lie between them and the expressions). Aligned faces and features beside the
          clips are not read.
          Unconfirmed: the XML with actors, ages and films that the paper describes. No copy or reader of it was found,
          so it is not read: persons are unknown, and films too, unless names begin with them as those of SFEW do.
Persons:  unknown; the organisers say that no actor and no film is in two parts.
Splits:   official; clips of the test part have no label and are left out.
Licence:  research, on request; clips belong to the films and are not handed on.
"""

from __future__ import annotations

from pathlib import Path

from kaoiro.data.datasets import emotiw
from kaoiro.data.labelled_set import LabelledSet, LeftOut, Row, Span, gathered

SUFFIXES = (".avi", ".mp4")


def read(root: Path) -> LabelledSet:
    """Read the set: train before val, each in the order of paths.

    Raises:
        DataError: no part is there, or none has a label.
    """
    found = emotiw.labelled(root, SUFFIXES, "AFEW")
    return gathered("afew", root, (one if isinstance(one, LeftOut) else _row(one) for one in found))


def _row(one: emotiw.Labelled) -> Row:
    return Row(one.id, one.label, one.path, group=one.film, split=one.split, span=Span(one.path))
