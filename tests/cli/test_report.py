from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graphs import write_affect_model
from jobs import Middle
from media import cut_file, regular, write_video
from tables_of_records import row, steady, write

from kaoiro.cli.main import main
from kaoiro.inference import analyzer


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def called(*argv: Any) -> tuple[int, str]:
        code = main(["report", *map(str, argv)])
        return code, capsys.readouterr().err

    return called


def test_records_become_a_report_with_exports(call: Callable[..., Any], tmp_path: Path) -> None:
    path = write(tmp_path / "talk.mp4.csv", steady(60, 0.5, happiness=0.9))
    out, folder = tmp_path / "found" / "talk.html", tmp_path / "tables"
    code, told = call(path, "--out", out, "--export", folder, "--lang", "ja", "--every", "frame")
    assert code == 0
    assert told.startswith("kaoiro: 1 recording\nkaoiro: talk.mp4: track 0 seen 100 % of the time, 1 episode\n")
    assert '<html lang="ja">' in out.read_text(encoding="utf-8")
    assert len(list(folder.iterdir())) == 5


class Quick(Middle):
    thread_safe = True

    def __init__(self, **settings: Any) -> None:
        pass


def test_a_video_is_analysed_first_and_only_once(
    call: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyzer, "CenterFace", Quick)
    model = write_affect_model(tmp_path / "models" / "affect", -0.5, {"au_12": 0.75}, brighter=1.0).path
    video = write_video(tmp_path / "talk.mp4", regular(40, 10))
    out = tmp_path / "talk.html"
    assert call(video, "--out", out, "--model", model)[0] == 0
    records = tmp_path / "talk-records" / "talk.mp4.parquet"
    stamp = records.stat().st_mtime_ns
    assert call(video, "--out", out, "--model", model)[0] == 0
    assert records.stat().st_mtime_ns == stamp
    assert '"video":"talk.mp4"' in out.read_text(encoding="utf-8")


def test_of_a_video_that_breaks_off_the_readable_part_is_reported(
    call: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyzer, "CenterFace", Quick)
    model = write_affect_model(tmp_path / "models" / "affect", -0.5, {"au_12": 0.75}, brighter=1.0).path
    whole = write_video(tmp_path / "whole.mkv", regular(250))
    cut = cut_file(whole, 0.5, tmp_path / "cut.mkv")
    code, told = call(cut, "--out", tmp_path / "r.html", "--model", model)
    assert code == 3
    assert "breaks off" in told
    assert "breaks off" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_several_recordings_make_a_section_each(call: Callable[..., Any], tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.csv", steady(30, 0.5, source=f"{name}.mp4")) for name in "ab"]
    code, told = call(*paths, "--out", tmp_path / "r.html", "--largest")
    assert code == 0
    assert told.startswith("kaoiro: 2 recordings\nkaoiro: a.mp4: largest face seen")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["missing.mp4"], "missing.mp4: no such file"),
        (["photo.jpg"], "a photo has no times"),
        (["noise.mp4"], "noise.mp4"),
        (["folder"], "not folders or archives"),
        (["other.csv"], "is no table of records"),
        (["faceless.csv"], "no face in it"),
        (["good.csv", "--track", "9"], "no track 9"),
        (["good.csv", "--events", "overlap.csv"], "begins before"),
        (["good.csv", "--transcript", "broken.srt"], "broken times"),
        (["good.csv", "--baseline", "faceless.csv"], "no face found"),
        (["good.csv", "--noise-floor", "broken.srt"], "no table of noise floors"),
        (["good.csv", "--out", "report.txt"], "must end in .html"),
    ],
)
def test_bad_input_is_one_line(
    call: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    small_photo: Path,
    given: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    small_photo.rename("photo.jpg")
    Path("noise.mp4").write_bytes(b"noise" * 99)
    Path("folder").mkdir()
    Path("other.csv").write_text("time_s,x\n1,2\n")
    Path("overlap.csv").write_text("start_s,end_s,label\n1,5,a\n2,3,b\n")
    Path("broken.srt").write_text("1\nnow --> later\nhello\n")
    write(Path("faceless.csv"), [row(0.1 * n, None) for n in range(5)])
    write(Path("good.csv"), steady(20))
    code, told = call(*given)
    assert code == 2
    assert told.count("\n") == 1 and words in told


def test_notes_of_the_page_are_told(call: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("start_s,label\n3,within\n99,beyond\n")
    rows = [row(0.5 * n, track, source="a\x1b[31m\u202eb.mp4") for n in range(8) for track in (1, 2)]
    path = write(tmp_path / "t.csv", rows)
    given = (path, "--out", tmp_path / "r.html", "--baseline", "auto", "--events", tmp_path / "e.csv")
    code, told = call(*given, "--export", tmp_path / "out")
    assert code == 0 and "\x1b" not in told and "\u202e" not in told
    name = "kaoiro: a[31mb.mp4: "
    for words in ("No resting face", "1 event lies beyond", "It is not known which model", "2 faces", "Too little"):
        assert f"\n{name}{words}" in told
    assert (tmp_path / "out" / "a[31mb.mp4.episodes.vtt").is_file()


def test_level_and_longest_block_may_be_named(call: Callable[..., Any], tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", [row(0.5 * n, anger=0.5 + 0.4 * math.sin(n / 60)) for n in range(2000)])
    out = tmp_path / "r.html"
    code, told = call(path, "--out", out, "--level", "high")
    assert code == 0 and "longest block (10 s;" in told and '"floor":"high"' in out.read_text(encoding="utf-8")
    assert "longest block" not in call(path, "--out", out, "--longest-block", 60)[1]
    code, told = call(path, "--out", out, "--longest-block", 1)
    assert code == 2 and told.startswith("kaoiro: longest block must be 5.0 s or more")
    assert call(path, "--out", out, "--level", "own")[1].startswith("kaoiro: level of the noise floor must be one of")


def test_a_wrong_option_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["report", "talk.mp4", "--every", "0"])
    told = capsys.readouterr().err
    words = "kaoiro: argument --every: must be a positive number, not 0 (see kaoiro report --help)\n"
    assert (caught.value.code, told) == (2, words)
