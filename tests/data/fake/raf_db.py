"""Write fake files in the official layout of RAF-DB's basic part."""

from __future__ import annotations

from pathlib import Path

from fake import numbered

CODES = tuple(range(1, 8))
TRAIN = tuple(f"train_{number:05}.jpg" for number in range(1, 15))
TEST = tuple(f"test_{number:04}.jpg" for number in range(1, 8))
BOX = "4.000000 6.000000 20.000000 22.000000"


def write(root: Path, aligned: bool = True, original: bool = False) -> Path:
    """Write ROOT/basic with the list, and aligned pictures, original ones with boxes, or both."""
    basic = root / "basic"
    (basic / "EmoLabel").mkdir(parents=True)
    names = [*TRAIN, *TEST]
    lines = [f"{name} {CODES[number % 7]}" for number, name in enumerate(names)]
    (basic / "EmoLabel" / "list_patition_label.txt").write_text("\n".join([*lines, ""]))
    for number, name in enumerate(names):
        stem = Path(name).stem
        if aligned:
            numbered.picture(basic / "Image" / "aligned" / f"{stem}_aligned.jpg", number)
        if original:
            numbered.picture(basic / "Image" / "original" / name, number, width=32)
            box = basic / "Annotation" / "boundingbox" / f"{stem}_boundingbox.txt"
            box.parent.mkdir(parents=True, exist_ok=True)
            box.write_text(f"{BOX} \n")
    return root
