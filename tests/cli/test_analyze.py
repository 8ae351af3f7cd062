from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from graphs import write_affect_model, write_model, write_yunet
from media import cut_before_index, cut_file, regular, write_sound, write_video
from PIL import Image

from kaoiro.cli import analyze
from kaoiro.cli.main import main
from kaoiro.core import modelfile
from kaoiro.core.codec import read_rows
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.modelfile import DESCRIPTION, GRAPH
from kaoiro.core.types import COLUMNS, expression_column

NAMES = [column.name for column in COLUMNS]
SCORES = [expression_column(label) for label in EXPRESSIONS.labels]
Make = Callable[[Path], Path]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Return a function that runs `kaoiro analyze` and returns exit code, output and messages."""

    def called(*argv: Any) -> tuple[int, str, str]:
        code = main(["analyze", *map(str, argv), "--threads", "1"])
        return code, *capsys.readouterr()

    return called


@pytest.fixture
def clip(tmp_path: Path, astronaut: Path) -> Path:
    """Write a video of four frames; the third one shows nobody."""
    face = np.asarray(Image.open(astronaut).convert("RGB").resize((256, 256), Image.Resampling.BOX))
    blank = np.full_like(face, 70)
    path = tmp_path / "clip.mp4"
    return write_video(path, regular(4), (256, 256), picture=lambda number: blank if number == 2 else face)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_records_go_to_standard_output_as_csv(call, small_photo):
    code, said, messages = call(small_photo)
    assert (code, messages) == (0, "")
    assert said.splitlines()[0] == ",".join(NAMES)
    (row,) = rows_of(said)
    assert (row["source"], row["frame"], row["time_s"], row["track"]) == (str(small_photo), "0", "0.0", "")
    assert 80 < float(row["box_left"]) < 100
    assert sum(float(row[name]) for name in SCORES) == pytest.approx(1, abs=1e-5)


def test_records_go_to_standard_output_as_json_lines(call, small_photo, clip):
    code, said, messages = call(clip, small_photo, "--format", "jsonl")
    assert (code, messages) == (0, "")
    rows = [json.loads(line) for line in said.splitlines()]
    assert [list(row) for row in rows] == [NAMES] * 5
    assert [row["time_s"] for row in rows] == [0.0, 0.04, 0.08, 0.12, 0.0]
    assert [row["expression"] is None for row in rows] == [False, False, True, False, False]
    assert [row["track"] for row in rows] == [0, 0, None, 0, None]


def test_people_get_lines_to_read_on_a_terminal(call, clip, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    code, said, _ = call(clip)
    lines = said.splitlines()
    assert (code, len(lines)) == (0, 4)
    assert lines[0].startswith(f"{clip}  0.000 s  #0 ")
    assert lines[2] == f"{clip}  0.080 s  no face"


@pytest.fixture
def affect(tmp_path: Path) -> Path:
    """Write a model that answers valence, arousal and action units."""
    return write_affect_model(tmp_path / "models" / "affect", -0.5, {"au_06": 0.75, "au_12": 0.9}).path


def test_a_terminal_shows_valence_arousal_and_visible_units(call, small_photo, affect, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    _, said, _ = call(small_photo, "--model", affect)
    assert "; valence -0.50, arousal +0.25; AU 6, 12  (face " in said
    model = modelfile.load(affect)
    least = dict.fromkeys(model.specification.head("units").labels, 0.5) | {"au_06": 0.8, "au_01": 0.1}
    modelfile.set_thresholds(model, "units", least)
    assert "; AU 1, 12  (face " in call(small_photo, "--model", affect)[1]


def test_videos_have_valence_arousal_and_units_in_every_table_and_picture(call, clip, affect, tmp_path):
    out = tmp_path / "out"
    assert call(clip, "--model", affect, "--out", out, "--overlay", "--plot")[0] == 0
    rows = list(read_rows(out / "clip.mp4.csv"))
    for name, value in {"valence": -0.5, "arousal": 0.25, "au_06": 0.75, "au_01": 0.125}.items():
        assert [row[name] for row in rows] == pytest.approx([value, value, None, value], abs=1e-5)
        assert [row[f"{name}_smooth"] for row in rows] == pytest.approx([value, value, None, value], abs=1e-5)
    assert [row["arousal_sd"] for row in rows] == pytest.approx([0.2, 0.2, None, 0.2], abs=1e-5)
    with Image.open(out / "clip.mp4.plot.png") as plot:
        assert plot.height > 600
    assert (out / "clip.mp4.overlay.mp4").stat().st_size > 1000


def test_sampling_takes_one_frame_for_each_interval(call, clip):
    code, said, _ = call(clip, "--every", "0.08")
    assert (code, [row["time_s"] for row in rows_of(said)]) == (0, ["0.0", "0.08"])


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_folder_of_results_is_written_quietly(call, small_photo, clip, tmp_path, suffix):
    out = tmp_path / "größe"
    code, said, messages = call(small_photo.parent, clip, "--out", out, "--format", suffix)
    assert (code, said) == (0, "")
    assert messages == f"kaoiro: 2 of 2 inputs measured: 5 rows with 4 faces in {out}\n"
    tables = [out / f"{name}.{suffix}" for name in ("face.jpg", "clip.mp4")]
    assert [len(list(read_rows(table))) for table in tables] == [1, 4]
    assert len(list(read_rows(out / f"all.{suffix}"))) == 5


def test_a_second_call_skips_what_is_done(call, small_photo, clip, tmp_path):
    call(small_photo, clip, "--out", tmp_path / "out")
    code, _, messages = call(small_photo, clip, "--out", tmp_path / "out")
    assert code == 0
    assert "2 of 2 inputs measured, 2 already done: 5 rows with 4 faces" in messages
    _, _, messages = call(small_photo, clip, "--out", tmp_path / "out", "--max-faces", "1")
    assert "already done" not in messages


def test_results_within_the_walked_folder_are_not_measured(call, small_photo):
    for _ in range(2):
        code, _, messages = call(small_photo.parent, "--out", small_photo.parent / "out", "--overlay")
        assert (code, messages.count("1 of 1 inputs")) == (0, 1)


def test_overlay_and_plot_are_written(call, small_photo, clip, tmp_path):
    out = tmp_path / "out"
    assert call(small_photo, clip, "--out", out, "--overlay", "--plot", "--blur-faces")[0] == 0
    for name in ("face.jpg.overlay.jpg", "clip.mp4.overlay.mp4", "clip.mp4.plot.png"):
        assert (out / name).stat().st_size > 1000


@pytest.mark.parametrize(("dialect", "column"), [("py-feat", "FaceRectX"), ("fer", "box0")])
def test_other_dialects_are_written(call, small_photo, tmp_path, dialect, column):
    assert call(small_photo, "--out", tmp_path / "out", "--dialect", dialect)[0] == 0
    assert column in pd.read_csv(tmp_path / "out" / "face.jpg.csv").columns


def test_max_faces_keeps_the_largest(call, two_faces, tmp_path):
    Image.fromarray(two_faces).save(tmp_path / "two.png")
    assert len(rows_of(call(tmp_path / "two.png")[1])) == 2
    (row,) = rows_of(call(tmp_path / "two.png", "--max-faces", "1")[1])
    assert float(row["box_left"]) < 300


def test_another_model_and_detector_are_used(call, small_photo, tmp_path):
    model = write_model(tmp_path / "model", [0.0] * 7 + [4.0]).path
    flat = [0.3, 0.4, 0.7, 0.4, 0.5, 0.6, 0.4, 0.8, 0.6, 0.8]
    detector = write_yunet(tmp_path / "yunet.onnx", {(16, 1, 1): (1.0, 1.0, (0.5, 0.5, 0.0, 0.0), flat)})
    code, said, _ = call(small_photo, "--model", model, "--detector", detector)
    (row,) = rows_of(said)
    assert (code, row["expression"]) == (0, "contempt")
    assert [float(row[f"box_{name}"]) for name in ("left", "top", "width", "height")] == [64] * 4  # a quarter of 256


def test_members_of_archives_are_named(call, small_photo, tmp_path):
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.write(small_photo, "deep/ö.jpg")
    code, said, _ = call(tmp_path / "m.zip")
    assert (code, [row["source"] for row in rows_of(said)]) == (0, [f"{tmp_path / 'm.zip'}/deep/ö.jpg"])


def test_a_picture_of_one_pixel_has_no_face(call, tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "one.png")
    code, said, messages = call(tmp_path / "one.png")
    assert (code, messages, [row["expression"] for row in rows_of(said)]) == (0, "", [""])


def file_of(name: str, data: bytes) -> Make:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def truncated_photo(folder: Path) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(folder / "whole.jpg")
    return cut_file(folder / "whole.jpg", 0.5, folder / "cut.jpg")


def folder_without_media(folder: Path) -> Path:
    (folder / "empty").mkdir()
    (folder / "empty" / "notes.txt").write_text("nothing to see")
    return folder / "empty"


def bomb(folder: Path) -> Path:
    """Write a small file that claims to hold 20 000 x 20 000 pixels."""
    header = b"IHDR" + (20_000).to_bytes(4, "big") * 2 + b"\1\0\0\0\0"
    first = b"\0\0\0\r" + header + zlib.crc32(header).to_bytes(4, "big")
    second = b"\0\0\0\0IDAT" + zlib.crc32(b"IDAT").to_bytes(4, "big")
    (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + first + second)
    return folder / "bomb.png"


def without_index(folder: Path) -> Path:
    return cut_before_index(write_video(folder / "whole.mp4", regular(10)), folder / "cut.mp4")


BAD = {
    "text": (file_of("a.jpg", b"this is text"), "not a picture"),
    "truncated photo": (truncated_photo, "truncated"),
    "empty photo": (file_of("a.png", b""), "zero bytes"),
    "empty video": (file_of("a.mp4", b""), "zero bytes"),
    "no suffix": (file_of("a", b"this is text"), "not a video"),
    "folder without media": (folder_without_media, "without photos"),
    "bomb": (bomb, "megapixels"),
    "sound only": (lambda folder: write_sound(folder / "a.mp4"), "no video stream"),
    "no index": (without_index, "not a video"),
    "missing": (lambda folder: folder / "nosuch.jpg", "no such file"),
    "damaged zip": (file_of("a.zip", b"PK\3\4"), "damaged or unsupported archive"),
    "damaged tar": (file_of("a.tar.gz", b"\x1f\x8b"), "damaged or unsupported archive"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("to_folder", [False, True], ids=["stdout", "folder"])
def test_bad_input_is_one_line_and_exit_code_2(call, tmp_path, name, to_folder):
    make, reason = BAD[name]
    path = make(tmp_path)
    code, said, messages = call(path, *(("--out", tmp_path / "out") if to_folder else ()))
    lines = messages.splitlines()[1:] if to_folder else messages.splitlines()  # the summary comes first
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith(f"kaoiro: {path}: ")
    assert reason in lines[0]
    assert rows_of(said) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="this user may read everything")
def test_a_file_that_may_not_be_read_is_named(call, small_photo):
    small_photo.chmod(0)
    code, _, messages = call(small_photo)
    assert (code, messages) == (2, f"kaoiro: {small_photo}: cannot be read: Permission denied\n")


@pytest.mark.parametrize("to_folder", [False, True], ids=["stdout", "folder"])
def test_good_inputs_among_bad_ones_are_measured_and_counted(call, tmp_path, small_photo, clip, to_folder):
    bad = [BAD[name][0](tmp_path) for name in ("text", "sound only", "missing")]
    paths = [bad[0], small_photo, bad[1], clip, bad[2]]
    code, said, messages = call(*paths, *(("--out", tmp_path / "out") if to_folder else ()))
    lines = messages.splitlines()
    assert code == 2
    assert lines[-1] == "kaoiro: 3 inputs failed, 0 broke off, of 5"
    assert [line for path in bad for line in lines if line.startswith(f"kaoiro: {path}: ")] == lines[-4:-1]
    assert len(list(read_rows(tmp_path / "out" / "all.csv")) if to_folder else rows_of(said)) == 5


@pytest.mark.parametrize("to_folder", [False, True], ids=["stdout", "folder"])
def test_a_video_that_breaks_off_keeps_its_records_and_is_exit_code_3(call, tmp_path, to_folder):
    path = cut_file(write_video(tmp_path / "whole.mkv", regular(100)), 0.6, tmp_path / "cut.mkv")
    out = tmp_path / "out"
    code, said, messages = call(path, *(("--out", out) if to_folder else ()))
    rows = list(read_rows(out / "cut.mkv.csv")) if to_folder else rows_of(said)
    assert code == 3
    assert 20 < len(rows) < 90
    assert messages.splitlines()[-1].startswith(f"kaoiro: {path}: breaks off at ")
    assert f"the {len(rows)} readable frames were kept" in messages
    assert call(path, tmp_path / "nosuch.jpg")[0] == 2  # bad input weighs more


def corrupted(folder: Path) -> Path:
    model = write_model(folder / "model", [0.0] * 8).path
    data = bytearray((model / GRAPH).read_bytes())
    data[len(data) // 2] ^= 1
    (model / GRAPH).write_bytes(data)
    return model


def undescribed(folder: Path) -> Path:
    model = write_model(folder / "model", [0.0] * 8).path
    (model / DESCRIPTION).write_text("{}", encoding="utf-8")
    return model


@pytest.mark.parametrize(
    ("flag", "make", "reason"),
    [
        (
            "--model",
            lambda folder: "nosuch",
            f"no model 'nosuch': not one that ships ({', '.join(modelfile.shipped())}",
        ),
        ("--model", lambda folder: folder, f"no {DESCRIPTION} there"),
        ("--model", corrupted, f"{GRAPH} is damaged (checksum differs"),
        ("--model", undescribed, "has format None; this version of kaoiro reads format 1"),
        ("--detector", lambda folder: folder / "nosuch.onnx", "cannot be opened as an ONNX model"),
        ("--detector", file_of("text.onnx", b"text"), "cannot be opened as an ONNX model"),
        ("--out", file_of("file", b"in the way"), "cannot be written"),
        ("--out", lambda folder: file_of("file", b"in the way")(folder) / "deeper", "cannot be written"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line_and_exit_code_2(call, small_photo, tmp_path, flag, make, reason):
    value = make(tmp_path)
    code, said, messages = call(small_photo, flag, value)
    assert (code, said, messages.count("\n")) == (2, "", 1)
    assert messages.startswith("kaoiro: ")
    assert str(value) in messages
    assert reason in messages


@pytest.mark.parametrize(
    "flags", [["--overlay"], ["--plot"], ["--format", "parquet"], ["--dialect", "fer"]], ids=lambda flags: flags[0]
)
def test_what_needs_a_folder_says_so(call, small_photo, flags):
    code, said, messages = call(small_photo, *flags)
    assert (code, said) == (2, "")
    assert messages == f"kaoiro: {' '.join(flags)} writes files; add --out DIR\n"


@pytest.mark.parametrize("more", [[], ["--out", "out"], ["--plot"]], ids=["stdout", "folder", "plot"])
def test_hiding_people_without_overlays_is_refused(call, small_photo, tmp_path, monkeypatch, more):
    monkeypatch.chdir(tmp_path)
    code, said, messages = call(small_photo, "--blur-faces", *more)
    assert (code, said) == (2, "")
    assert messages == "kaoiro: --blur-faces hides people in overlays and changes nothing else; add --overlay\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--every", "0"], "must be a positive number, not 0"),
        (["--every", "often"], "must be a positive number, not often"),
        (["--every", "nan"], "must be a positive number, not nan"),
        (["--max-faces", "0"], "must be a whole number of 1 or more, not 0"),
        (["--max-faces", "1.5"], "must be a whole number of 1 or more, not 1.5"),
        (["--min-face", "-3"], "must be a positive number, not -3"),
        (["--format", "xlsx"], "invalid choice: 'xlsx'"),
        (["--nosuch"], "unrecognized arguments: --nosuch"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_flags_that_make_no_sense_are_refused(call, capsys, small_photo, flags, reason):
    with pytest.raises(SystemExit) as caught:
        call(small_photo, *flags)
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err.splitlines()[-1]


def test_an_interruption_says_how_to_go_on(call, small_photo, tmp_path, monkeypatch):
    shutil.copyfile(small_photo, tmp_path / "second.jpg")
    advanced = analyze.Progress.begin

    def struck(progress: Any, name: str) -> None:
        if name.endswith("second.jpg"):
            raise KeyboardInterrupt
        advanced(progress, name)

    monkeypatch.setattr(analyze.Progress, "begin", struck)
    argv = (small_photo, tmp_path / "second.jpg", "--out", tmp_path / "out")
    code, _, messages = call(*argv)
    assert (code, messages) == (130, "kaoiro: interrupted after 1 of 2; run again to go on\n")
    monkeypatch.undo()
    assert "2 of 2 inputs measured, 1 already done" in call(*argv)[2]


def test_a_playlist_is_refused(call, clip):
    (clip.parent / "list.mp4").write_text(f"ffconcat version 1.0\nfile {clip.name}\n", encoding="utf-8")
    code, said, messages = call(clip.parent / "list.mp4")
    assert (code, rows_of(said)) == (2, [])
    assert messages == f"kaoiro: {clip.parent / 'list.mp4'}: a playlist, which names other files; give those instead\n"


def test_progress_is_shown_on_a_terminal_only(call, small_photo, clip, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    _, _, messages = call(small_photo, clip, "--out", tmp_path / "out")
    assert "2/2" in messages
    monkeypatch.undo()
    assert "2/2" not in call(small_photo, clip, "--out", tmp_path / "other")[2]


def test_a_joined_table_that_cannot_be_written_does_not_hide_the_summary(call, small_photo, clip, tmp_path):
    (tmp_path / "out" / "all.csv").mkdir(parents=True)
    code, _, messages = call(small_photo, clip, "--out", tmp_path / "out")
    assert code == 2
    assert "2 of 2 inputs measured" in messages and "all.csv" in messages
