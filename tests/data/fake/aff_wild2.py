"""Write fake files in the official layouts of Aff-Wild2: of the competitions of 2020 and of 2022."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fake import numbered

NAMES = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise"
UNITS = "AU1,AU2,AU4,AU6,AU7,AU10,AU12,AU15,AU23,AU24,AU25,AU26"
CODES = (0, 1, 2, 3, 4, 5, 6, -1, 7)
"""Of the frames of every video: all expressions, one without a label, one of another expression."""
VIDEOS = {"train": ("10-60-1280x720_left", "10-60-1280x720_right", "video49", "5-60-1920x1080-1"), "val": ("video92",)}
FACELESS = 3
"""Frame of the first video in which no face was found."""
FOLDERS = {
    2020: ("EXPR_Set", "Training_Set"),
    2022: ("Third ABAW Annotations/EXPR_Classification_Challenge", "Train_Set"),
}


def write(root: Path, year: int = 2022) -> Path:
    """Write cropped frames and labels of all three tasks; the first video has valence, arousal and units, too."""
    folder, train = FOLDERS[year]
    codes = CODES if year == 2022 else CODES[:-1]
    header = f"{NAMES},Other" if year == 2022 else NAMES
    number = 0
    for split, videos in VIDEOS.items():
        for video in videos:
            for frame in range(1, len(codes) + 1):
                if (video, frame) != (VIDEOS["train"][0], FACELESS):
                    numbered.picture(root / "cropped_aligned" / video / f"{frame:05}.jpg", number)
                number += 1
            part = train if split == "train" else "Validation_Set"
            write_labels(root / folder / part / f"{video}.txt", header, [str(code) for code in codes])
    first = f"{VIDEOS['train'][0]}.txt"
    affect = ["0.25,-0.5", "-5,-5", *["0.1,0.2"] * (len(codes) - 2)]
    units = ["1,0,0,0,0,0,1,0,0,0,-1,0", *["0,0,0,0,0,0,0,0,0,0,0,0"] * (len(codes) - 1)]
    for task, header, lines in (("VA", "valence,arousal", affect), ("AU", UNITS, units)):
        other = folder.replace("EXPR_Classification_Challenge", f"{task}_Challenge").replace("EXPR_Set", f"{task}_Set")
        write_labels(root / other / "Validation_Set" / first, header, lines)
    return root


def write_labels(path: Path, header: str, lines: Sequence[str]) -> None:
    """Write a file of labels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *lines, ""]))
