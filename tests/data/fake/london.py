"""Write fake files in the layout of the London set: small flat pictures, bright where the person smiles."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

TABLE = "london.csv"
HEADER = "file,subject,expression,age,gender,ethnicity"
ARCHIVE = "london_512_jpeg92.tar"
FOLDERS = {"neutral": "03", "smiling": "08"}
"""Expression, which is also the folder -> camera number in the names of the pictures."""
SIDE = 64
SHADES = {"neutral": 60, "smiling": 200}
SUBJECTS = ("001", "002", "003")


def write(root: Path, subjects: Sequence[str] = SUBJECTS, tar: bool = True, own: Mapping[str, bytes] = {}) -> list[str]:
    """Write london.csv and a neutral and a smiling picture of everybody; returns the names of the pictures.

    Args:
        root: receives the files.
        subjects: ids.
        tar: one archive, as downloaded; otherwise loose files below `root`.
        own: pictures (the file's bytes) by name; the others are flat.
    """
    root.mkdir(parents=True, exist_ok=True)
    pictures, rows = {}, [HEADER]
    for expression in FOLDERS:
        for subject in subjects:
            file = name(subject, expression)
            pictures[file] = own.get(file) or flat(SHADES[expression])
            rows.append(f"{file},{subject},{expression},24,female,white")
    write_table(root, *rows)
    write_tar(root / ARCHIVE, pictures) if tar else write_loose(root, pictures)
    return list(pictures)


def name(subject: str, expression: str) -> str:
    """Return what a picture is called."""
    return f"{expression}/{subject}_{FOLDERS[expression]}.jpg"


def flat(shade: int) -> bytes:
    """Return a JPEG of one grey."""
    content = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (shade,) * 3).save(content, "JPEG")
    return content.getvalue()


def write_table(root: Path, *lines: str) -> None:
    """Write london.csv."""
    (root / TABLE).write_text("\n".join([*lines, ""]))


def write_tar(path: Path, pictures: Mapping[str, bytes]) -> None:
    """Write pictures as one archive."""
    with tarfile.open(path, "w") as archive:
        for file, content in pictures.items():
            member = tarfile.TarInfo(file)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write_loose(root: Path, pictures: Mapping[str, bytes]) -> None:
    """Write pictures as files below a folder."""
    for file, content in pictures.items():
        path = root / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
