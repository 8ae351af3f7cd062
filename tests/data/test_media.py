from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import media

COMMAND = [sys.executable, media.__file__]


def test_the_torture_set_can_be_written_by_a_command_with_what_must_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "törture"
    done = subprocess.run([*COMMAND, str(folder)], capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    rows = json.loads((folder / media.EXPECTED).read_text(encoding="utf-8"))
    files = {item.name for item in folder.iterdir() if item.is_file()} - {media.EXPECTED}
    assert {row["file"] for row in rows} == files
    assert {row["ending"] for row in rows} == {"complete", "truncated", "refused"}
    for row in rows:
        assert row["frames"] == len(row["times_s"]) == len(row["codes"])
        assert (row["frames"] == 0) == (row["ending"] == "refused")
    variable = next(row for row in rows if row["file"] == "variable_rate.mp4")
    assert tuple(variable["times_s"]) == media.VARIABLE
