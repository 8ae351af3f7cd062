from __future__ import annotations

import functools
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from kaoiro.cli.demo import summary
from kaoiro.cli.main import main
from kaoiro.core.codec import read_rows
from kaoiro.inference import demo


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, analyzer) -> None:
    """Let the clip be small and short."""
    monkeypatch.setattr(demo, "SIDE", (192, 108))
    monkeypatch.setattr(demo, "write_clip", functools.partial(demo.write_clip, seconds=0.16))


def test_it_measures_a_photograph_and_a_clip_and_names_its_files(short, capsys, tmp_path, astronaut):
    out = tmp_path / "démo"
    assert main(["demo", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "astronaut.png: happiness in 1 row(s)" in said
    named = [Path(line.strip()) for line in said.splitlines() if line.startswith(f"  {out}")]
    assert named == sorted(path for path in out.rglob("*") if path.is_file())
    tables = {"all.csv", "astronaut.png.csv", "drawn.mp4.csv"}
    pictures = {"astronaut.png.overlay.jpg", "drawn.mp4.overlay.mp4", "drawn.mp4.plot.png"}
    assert tables | pictures | {"astronaut.png", "drawn.mp4"} <= {path.name for path in named}
    rows = list(read_rows(out / "all.csv"))
    assert len(rows) == 1 + 4
    assert [row["time_s"] for row in rows[1:]] == pytest.approx([index / 25 for index in range(4)])
    assert all(row["expression"] for row in rows)


def test_it_can_be_run_again(short, capsys, tmp_path):
    for _ in range(2):
        assert main(["demo", "--out", str(tmp_path / "demo")]) == 0
    assert "2 of 2 inputs measured" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_one_line_and_exit_code_2(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert main(["demo", "--out", str(tmp_path / "file")]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(f"kaoiro: --out {tmp_path / 'file'}: cannot be written")


def test_the_clip_keeps_its_times(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "SIDE", (96, 54))
    demo.write_clip(tmp_path / "clip.mp4", seconds=0.2)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        frames = [(round(frame.time, 6), frame.width, frame.height) for frame in container.decode(video=0)]
    assert frames == [(index / 25, 96, 54) for index in range(5)]


def test_the_face_of_the_clip_leaves_for_a_second():
    width, height = 160, 90
    there, away, back = (demo.clip_frame(time_s, width, height).astype(int) for time_s in (5.96, 6.5, 7.0))
    assert np.abs(there - away).max() > 60
    assert np.abs(back - away).max() > 60
    assert np.abs(np.diff(away, axis=1)).max() < 10  # the wall alone is smooth


@pytest.mark.parametrize(("time_s", "same"), [(2.0, 4.0), (4.0, 7.5)])
def test_every_expression_begins_and_ends_neutral(time_s, same):
    assert demo.look_at(time_s) == demo.look_at(same).scaled(0.0)
    assert demo.look_at(time_s + 1.0) != demo.look_at(time_s)


def test_the_summary_counts_what_was_found(analyzer, tmp_path):
    analyzer.image(Image.new("RGB", (200, 200)), name="in/grey.png").write(tmp_path / "all.csv")
    assert summary(tmp_path) == "grey.png: no face in 1 row(s)"
