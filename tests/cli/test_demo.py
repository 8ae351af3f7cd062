from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from kaoiro.cli.demo import summary
from kaoiro.cli.main import main


def test_it_measures_a_photograph_and_a_clip_of_two_people_and_names_its_files(analyzer, capsys, tmp_path, astronaut):
    out = tmp_path / "démo"
    assert main(["demo", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "astronaut.png: happiness in 1 row(s)" in said
    named = [Path(line.strip()) for line in said.splitlines() if line.startswith(f"  {out}")]
    assert named == sorted(path for path in out.rglob("*") if path.is_file())
    tables = {"all.csv", "astronaut.png.csv", "two-people.mp4.csv"}
    pictures = {"astronaut.png.overlay.jpg", "two-people.mp4.overlay.mp4", "two-people.mp4.plot.png"}
    assert tables | pictures | {"astronaut.png", "two-people.mp4"} <= {path.name for path in named}
    clip = pd.read_csv(out / "two-people.mp4.csv")
    assert sorted(clip.track.unique()) == [0, 1]
    assert set(clip.groupby("frame").size()) == {2}  # both people in every frame
    assert clip.time_s.unique() == pytest.approx([frame / 25 for frame in range(clip.frame.nunique())])
    assert all((person.expression == "happiness").any() for _, person in clip.groupby("track"))
    assert main(["demo", "--out", str(out)]) == 0  # again, over what is there


def test_a_place_that_cannot_be_written_is_one_line_and_exit_code_2(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert main(["demo", "--out", str(tmp_path / "file")]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(f"kaoiro: --out {tmp_path / 'file'}: cannot be written")


def test_the_summary_counts_what_was_found(analyzer, tmp_path):
    analyzer.image(Image.new("RGB", (200, 200)), name="in/grey.png").write(tmp_path / "all.csv")
    assert summary(tmp_path) == "grey.png: no face in 1 row(s)"
