"""Write fake files in the official layout of RAVDESS."""

from __future__ import annotations

from pathlib import Path

from fake import numbered

ACTORS = ("01", "02", "03")
EMOTIONS = tuple(f"{code:02}" for code in range(1, 9))


def write(root: Path) -> Path:
    """Write everybody speaking with every emotion; one performance also without sound, and one as sound alone."""
    for actor in ACTORS:
        for emotion in EMOTIONS:
            numbered.video(root / f"Actor_{actor}" / name("01", emotion, actor), 8 * int(actor) + int(emotion))
    again = root / "Video_Speech_Actor_01" / "Actor_01" / name("02", "03", "01")
    numbered.video(again, 8 + 3)
    (root / "Actor_01" / name("03", "03", "01", ".wav")).write_bytes(b"RIFF")
    return root


def name(modality: str, emotion: str, actor: str, ending: str = ".mp4") -> str:
    """Return what a recording is called."""
    return f"{modality}-01-{emotion}-01-02-01-{actor}{ending}"
