"""Media for the demo: a photograph in the public domain and a clip of two people whom kaoiro rendered itself."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

MEDIA = ("astronaut.png", "two-people.mp4")


def write_media(folder: Path) -> list[Path]:
    """Copy the photograph and the clip out of the package; returns their paths.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    assets = Path(str(resources.files("kaoiro"))) / "assets"
    return [Path(shutil.copyfile(assets / name, folder / name)) for name in MEDIA]
