"""Write fake files in the official layout of MUG."""

from __future__ import annotations

from pathlib import Path

from fake import numbered

EXPRESSIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
PEOPLE = ("001", "002", "006")
FRAMES = 5


def write(root: Path) -> Path:
    """Write a take of every expression of everybody, and one of no expression; the last person came in two sessions."""
    number = 0
    for person in PEOPLE:
        for session in ("session0", "session1") if person == PEOPLE[-1] else ("",):
            for name in (*EXPRESSIONS, *(("mixed",) if person == "001" else ())):
                for frame in range(FRAMES):
                    take = root / "subjects3" / person / session / name / "take000"
                    numbered.picture(take / f"img_{frame:04}.jpg", number)
                    number += 1
    return root
