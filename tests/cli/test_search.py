"""`kaoiro search`, as it is called."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import write_bright_model
from jobs import Middle
from media import bar_code, regular, write_video
from PIL import Image

from kaoiro.cli.main import main
from kaoiro.core.codec import read_rows
from kaoiro.inference import analyzer
from kaoiro.inference.search.store import EMBEDDINGS, FILES, ROWS, SCORES
from kaoiro.inference.tables import read_table
from kaoiro.inference.words.asked import CAUTION

Call = Callable[..., tuple[int, str, str]]


class Quick(Middle):
    """Takes the middle of every picture that is not black for a face."""

    thread_safe = True

    def __init__(self, **settings: Any) -> None:
        pass


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bright_model(tmp_path_factory.mktemp("models") / "bright").path


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, bright: Path, tmp_path: Path) -> Call:
    """Return a function that runs a command with a model for which bright faces smile, where the album lies."""
    monkeypatch.setattr(analyzer, "CenterFace", Quick)
    monkeypatch.chdir(tmp_path)

    def called(*argv: Any) -> tuple[int, str, str]:
        code = main([*map(str, argv), "--model", str(bright), "--threads", "1"])
        said = capsys.readouterr()
        return code, said.out, said.err

    return called


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    for name, level in (("dim.png", 90), ("light.png", 250)):
        Image.fromarray(np.full((48, 64, 3), level, np.uint8)).save(folder / name)
    write_video(folder / "m.mp4", regular(10), (64, 48), picture=lambda number: bar_code(number, (64, 48)))
    return Path("album")


def sources(out: str) -> list[str]:
    return [line.split()[-1] for line in out.splitlines()[1:]]


def test_faces_are_ranked_and_the_word_is_introduced_on_standard_error(call: Call, album: Path) -> None:
    code, out, err = call("search", "a smile", album)
    assert code == 0
    assert out.splitlines()[0].split() == ["rank", "score", "time_s", "track", "box", "source"]
    assert sources(out) == ["album/light.png", "album/m.mp4", "album/dim.png"]
    assert sources(call("search", "笑顔ではない", album)[1]) == sources(out)[::-1]
    first, second, last = err.splitlines()
    assert first.endswith("3 faces of 3 files searched (album/.kaoiro-index)")
    assert second.startswith("kaoiro: word_smile: AU 12; ") and last == f"kaoiro: {CAUTION}"


def test_like_a_photo_alone_and_beside_words(call: Call, album: Path) -> None:
    code, out, err = call("search", "--like", album / "dim.png", album)
    assert code == 0 and "album/dim.png" not in sources(out) and len(sources(out)) == 2
    assert CAUTION not in err  # no word was asked for
    code, out, _ = call("search", "smile", album, "--like", album / "dim.png", "--json", "--n", 1)
    found = json.loads(out)
    assert code == 0 and found["query"] == "smile, like album/dim.png"
    assert [face["source"] for face in found["faces"]] == ["album/light.png"]
    assert call("search", "smile", album, "--like", album / "dim.png", "--face", 3)[0] == 2


def test_options_may_stand_anywhere(call: Call, album: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/search.md").read_text(encoding="utf-8")
    (line,) = (line for line in page.splitlines() if line.startswith('kaoiro search "smile" --like'))
    (album / "dim.png").rename("her.jpg")
    code, out, _ = call(*shlex.split(line, comments=True)[1:])
    assert code == 0 and sources(out)[0] == "album/light.png"
    code, out, _ = call("search", "smile", "--n", 1, album)
    assert code == 0 and sources(out) == ["album/light.png"]
    code, out, _ = call("search", "smile", album / "m.mp4", "--index", "own", "her.jpg", "--n", 9, album / "light.png")
    assert code == 0 and sources(out) == ["album/light.png", "album/m.mp4", "her.jpg"]


@pytest.mark.parametrize("name", [EMBEDDINGS, SCORES, ROWS, FILES])
def test_a_damaged_index_is_made_again_when_the_folder_that_is_named_is_removed(
    call: Call, album: Path, name: str
) -> None:
    assert call("search", "smile", album)[0] == 0
    (part,) = (album / ".kaoiro-index").glob("part-*")
    (part / name).write_bytes((part / name).read_bytes()[:20])
    code, _, err = call("search", "smile", album)
    assert code == 2 and part.name in err and "remove the folder, and it is made again" in err
    shutil.rmtree(err.splitlines()[-1].removeprefix("kaoiro: ").split(": ")[0])
    code, out, _ = call("search", "smile", album)
    assert code == 0 and len(sources(out)) == 3


def test_tables_of_records_are_searched_by_their_scores(call: Call, album: Path) -> None:
    assert call("analyze", album, "--out", "records", "--format", "parquet")[0] == 0
    tables = sorted(str(path) for path in Path("records/").rglob("*.parquet"))
    code, out, _ = call("search", "smile", *[path for path in tables if "all" not in path], "--per-track")
    assert code == 0 and sources(out) == ["album/light.png", "album/m.mp4", "album/dim.png"]
    assert not (album / ".kaoiro-index").exists()
    assert call("search", "smile", tables[0], album)[2].startswith("kaoiro: ")
    assert "scores alone" in call("search", "smile", tables[0], "--like", album / "dim.png")[2]
    Path("x.csv").write_text("source,time_s\na,1\n")
    assert "lacks the columns" in call("search", "smile", "x.csv")[2]


def test_results_are_written_as_tables_and_as_one_html_file(call: Call, album: Path) -> None:
    for name in ("found.csv", "found.parquet"):
        assert call("search", "smile", album, "--out", name)[0] == 0
        table = read_table(name)
        assert table["source"].tolist() == ["album/light.png", "album/m.mp4", "album/dim.png"]
        assert table["rank"].tolist() == [1, 2, 3]
    assert call("search", "smile", album, "--out", "found.html")[0] == 0
    page = Path("found.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 3 and "順位" in page and "http://" not in page
    assert "<script" not in page and "https://" not in page and "never what somebody feels" in page
    assert call("search", "smile", album, "--out", "blurred.html", "--blur-faces")[0] == 0
    assert "<img" not in Path("blurred.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("purple hat", "album"), "only words of the glossary"),
        (("wink", "album"), "search does not read it; 'kaoiro analyze --classes wink' does"),
        (("smile", "--n", "1", "album", "--colour", "red"), "unrecognized arguments: album --colour red"),
        (("smile", "--colour", "album"), "unrecognized arguments: --colour"),
        (("smile",), "where to search for 'smile'?"),
        (("smile", "nowhere"), "no photo or video that can be searched"),
        (("smile", "album", "--out", "x.txt"), "must end in .csv"),
        (("smile", "album", "--blur-faces"), "add --out FILE.html"),
        (("smile", "album", "--face", "1"), "--like PHOTO"),
        (("smile", "album", "album/dim.png", "--index", "missing/../album/dim.png"), "cannot write"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(call: Call, album: Path, argv: tuple[str, ...], said: str) -> None:
    code, out, err = call("search", *argv)
    assert code == 2 and out == "" and said in err.splitlines()[-1]
    assert not [*Path().rglob(".kaoiro-index")]


def test_a_bad_file_is_named_and_the_others_are_searched(call: Call, album: Path) -> None:
    (album / "bad.png").write_bytes(b"no picture")
    code, out, err = call("search", "smile", album)
    assert code == 2 and len(sources(out)) == 3 and "bad.png" in err.splitlines()[0]


def test_the_index_of_another_model_is_refused(
    call: Call, album: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from graphs import write_model

    assert call("search", "smile", album)[0] == 0
    other = write_model(tmp_path / "other", [0.0] * 8).path
    assert main(["search", "looks angry", str(album), "--model", str(other)]) == 2
    assert "their faces do not compare" in capsys.readouterr().err
    assert main(["search", "looks angry", str(album), "--model", str(other), "--index", "own"]) == 0
    assert "expression_anger: the model's own probability" in capsys.readouterr().err


def test_records_of_analyze_have_what_search_needs(call: Call, album: Path) -> None:
    assert call("analyze", album / "light.png", "--out", "one", "--format", "csv")[0] == 0
    row = next(iter(read_rows("one/light.png.csv")))
    code, out, _ = call("search", "smile", "one/light.png.csv", "--json")
    assert code == 0 and json.loads(out)["faces"][0]["score"] == pytest.approx(row["au_12"])
