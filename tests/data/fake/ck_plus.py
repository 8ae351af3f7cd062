"""Write fake files in the official layout of CK+."""

from __future__ import annotations

from pathlib import Path

from fake import numbered

PEOPLE = ("S005", "S010", "S011", "S014")
UNITS = {1: 0.0, 4: 3.0, 27: 2.0}
"""Action units of every sequence, with intensities; of 27 records have no column."""
FRAMES = 4


def write(root: Path, facs: bool = True) -> Path:
    """Write for everybody two labelled sequences, which go through the codes 1 to 7, and one without a label."""
    number = 0
    for person in PEOPLE:
        for sequence in ("001", "002", "003"):
            frames = [f"{person}_{sequence}_{frame:08}" for frame in range(1, FRAMES + 1)]
            for frame in frames:
                numbered.picture(root / "cohn-kanade-images" / person / sequence / f"{frame}.png", number)
                number += 1
            emotion = root / "Emotion" / person / sequence
            emotion.mkdir(parents=True)
            if sequence != "003":
                code = 1 + (2 * PEOPLE.index(person) + int(sequence) - 1) % 7
                (emotion / f"{frames[-1]}_emotion.txt").write_text(f"   {code:.7e}\n")
            if facs:
                text = "".join(f"   {unit:.7e}   {value:.7e}\n" for unit, value in UNITS.items())
                (root / "FACS" / person / sequence).mkdir(parents=True)
                (root / "FACS" / person / sequence / f"{frames[-1]}_facs.txt").write_text(text)
    (root / "cohn-kanade-images" / ".DS_Store").write_bytes(b"x")
    (root / "cohn-kanade-images" / "S005" / ".DS_Store").write_bytes(b"x")
    return root
