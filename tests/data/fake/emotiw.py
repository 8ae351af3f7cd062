"""Write fake files in the official layouts of SFEW 2.0 and AFEW."""

from __future__ import annotations

from pathlib import Path

from fake import numbered

CLASSES = ("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")
FILMS = {"Train": ("Airheads", "21", "About_a_Boy"), "Val": ("Juno",)}
"""Of each part; titles may be numbers, and may hold underscores."""
INNER = {"Train": "Train_Aligned_Faces", "Val": "Val_Aligned_Faces_new"}
UNLABELLED = 2
"""Files of the test part."""


def write_sfew(root: Path, whole: bool = False) -> Path:
    """Write aligned faces of every class of every film; with `whole` also the frames that they were cut from."""
    number = 0
    for part, films in FILMS.items():
        for name in CLASSES:
            for film in films:
                file = f"{film}_000519240_{number:08}.png"
                numbered.picture(root / part / INNER[part] / name / file, number)
                if whole:
                    numbered.picture(root / part / name / file, number, width=48)
                number += 1
    for one in range(UNLABELLED):
        numbered.picture(root / "Test" / "Test_Aligned_Faces" / f"{one:04}.png", number + one)
    return root


def write_afew(root: Path) -> Path:
    """Write a clip of every class in Train and Val, aligned faces beside them, and clips without a label."""
    number = 0
    for part in ("Train_AFEW", "Val_AFEW"):
        for name in CLASSES:
            numbered.video(root / part / name / f"{46280 + number:09}.avi", number)
            number += 1
        numbered.picture(root / part / "AlignedFaces_LBPTOP_Points" / "Faces" / "000046280" / "0.jpg", number)
    for one in range(UNLABELLED):
        numbered.video(root / "Test_vid_Distribute" / f"{29320 + one:09}.avi", number + one)
    return root
