from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from graphs import write_affect_model
from jobs import Middle
from media import regular, write_video
from tables_of_records import manifest, row, steady, write

from kaoiro.cli.main import main
from kaoiro.core import modelfile
from kaoiro.inference import analyzer


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def called(*argv: Any) -> tuple[int, str]:
        code = main(["compare", *map(str, argv)])
        said = capsys.readouterr()
        assert said.out == ""
        return code, said.err

    return called


def recorded(folder: Path, name: str, anger: float) -> Path:
    folder.mkdir(exist_ok=True)
    rows = [row(0.5 * n, source=f"{name}.mp4", anger=anger + 0.001 * (n % 7)) for n in range(240)]
    return write(folder / f"{name}.csv", rows)


def both(folder: Path, count: int, step: float) -> list[Any]:
    """So many recordings on either side, of a known model."""
    names = [f"{side}-{n}" for side in "ba" for n in range(count)]
    manifest(folder, dict.fromkeys([f"{name}.mp4" for name in names], modelfile.load().digest))
    paths = [recorded(folder, name, 0.05 + 0.0001 * n + step * (n >= count)) for n, name in enumerate(names)]
    return ["--before", *paths[:count], "--after", *paths[count:]]


def test_the_number_of_recordings_comes_first_then_the_signals(call: Callable[..., Any], tmp_path: Path) -> None:
    out, folder = tmp_path / "found" / "c.html", tmp_path / "tables"
    code, told = call(*both(tmp_path, 6, 0.6), "--out", out, "--export", folder, "--lang", "ja")
    lines = told.splitlines()
    assert code == 0
    assert (
        lines[0]
        == "kaoiro: 6 recordings before, 6 after, of one person; the smallest p that this many can give is 0.0022"
    )
    assert lines[1].startswith("kaoiro: signal: anger +60.06 (+60.0")
    assert lines[2].startswith("kaoiro: signal: neutral -60.06")
    assert '<html lang="ja">' in out.read_text(encoding="utf-8")
    assert len(list(folder.iterdir())) == 6
    assert set(pd.read_csv(folder / "changes.csv")["verdict"]) == {"signal", "below the noise floor"}


def test_no_change_is_said_to_be_none(call: Callable[..., Any], tmp_path: Path) -> None:
    code, told = call(*both(tmp_path, 3, 0.0), "--out", tmp_path / "c.html")
    assert code == 0
    assert "can give is 0.1: no change can be called a signal\nkaoiro: no change is a signal\n" in told
    code, told = call(*both(tmp_path, 1, 0.0), "--out", tmp_path / "c.html")
    assert "kaoiro: 1 recording before, 1 after, of one person; one against one tells only" in told


def test_people_may_be_told_by_folders(call: Callable[..., Any], tmp_path: Path) -> None:
    before = [recorded(tmp_path / person, "b", level) for person, level in (("anna", 0.1), ("ben", 0.2))]
    after = [recorded(tmp_path / person, "a", level) for person, level in (("anna", 0.3), ("carl", 0.4))]
    given = ["--before", *before, "--after", *after, "--by", "person", "--out", tmp_path / "c.html"]
    code, told = call(*given)
    assert code == 0 and "1 recording before, 1 after, of one person" in told
    assert "Recorded on one side only, and therefore not compared: ben, carl." in told


class Quick(Middle):
    thread_safe = True

    def __init__(self, **settings: Any) -> None:
        pass


def test_videos_with_one_name_are_analysed_once_each(
    call: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyzer, "CenterFace", Quick)
    model = write_affect_model(tmp_path / "models" / "affect", -0.5, {"au_12": 0.75}, brighter=1.0).path
    videos = []
    for folder, count in (("june", 30), ("july", 40)):
        (tmp_path / folder).mkdir()
        videos.append(write_video(tmp_path / folder / "talk.mp4", regular(count, 10)))
    given = ["--before", videos[0], "--after", videos[1], "--model", model, "--out", tmp_path / "c.html"]
    code, told = call(*given)
    assert code == 0 and "Too short" in told
    records = sorted((tmp_path / "c-records").rglob("*.parquet"))
    assert [path.parent.name.split("-")[0] for path in records] == ["july", "june"]
    stamps = [path.stat().st_mtime_ns for path in records]
    assert call(*given)[0] == 0
    assert [path.stat().st_mtime_ns for path in records] == stamps


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--before", "a.csv", "--after", "missing.csv"], "missing.csv: no such file"),
        (["--before", "a.csv", "--after", "a.csv"], "given both --before and --after"),
        (["--before", "a.csv", "a.csv", "--after", "b.csv"], "given twice --before"),
        (["--before", "a.csv", "--after", "photo.jpg"], "a photo has no times"),
        (["--before", "a.csv", "--after", "faceless.csv"], "faceless.csv: no face in it"),
        (["--before", "a.csv", "--after", "b.csv", "--people", "a.csv"], "counts only --by person"),
        (["--before", "a.csv", "--after", "b.csv", "--by", "person", "--people", "a.csv"], "people have the columns"),
        (["--before", "a.csv", "--after", "b.csv", "--noise-floor", "a.csv"], "no table of noise floors"),
        (["--before", "a.csv", "--after", "b.csv", "--level", "own"], "level of the noise floor must be one of"),
        (["--before", "a.csv", "--after", "other/c.csv"], "recordings of different models do not compare"),
        (["--before", "a.csv", "--after", "b.csv", "--out", "c.txt"], "must end in .html"),
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
    for name, level in (("a", 0.1), ("b", 0.2)):
        write(Path(f"{name}.csv"), steady(30, source=f"{name}.mp4", anger=level))
    write(Path("faceless.csv"), [row(0.1 * n, None) for n in range(5)])
    manifest(tmp_path, {"a.mp4": "one", "b.mp4": "one"})
    recorded(Path("other"), "c", 0.3)
    manifest(Path("other"), {"c.mp4": "another"})
    code, told = call(*given)
    assert code == 2
    assert told.count("\n") == 1 and words in told


def test_the_longest_block_is_that_of_the_function_unless_named(
    call: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kaoiro.inference.comparison import making

    seen: list[Any] = []
    compared = making.compare
    monkeypatch.setattr(
        making, "compare", lambda *given, **how: seen.append(how["settings"]) or compared(*given, **how)
    )
    given = both(tmp_path, 1, 0.1)
    for more in ([], ["--longest-block", "20"]):
        assert call(*given, "--out", tmp_path / "c.html", *more)[0] == 0
    assert seen[0] == making.SETTINGS
    assert seen[1].blocks.longest_s == 20


def test_a_missing_side_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["compare", "--before", "a.mp4"])
    words = "kaoiro: the following arguments are required: --after (see kaoiro compare --help)\n"
    assert capsys.readouterr().err == words
