from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from kaoiro.core.errors import OutputError
from kaoiro.core.files import replacing, sha256, write_text


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt, SystemExit, OutputError])
@pytest.mark.parametrize("old", ["old text", None])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, interruption: type[BaseException], old: str | None
) -> None:
    path = tmp_path / "table.csv"
    if old is not None:
        path.write_text(old)
    with pytest.raises(interruption), replacing(path) as partial:
        partial.write_text("half of the new te")
        raise interruption("stop")
    assert [item.name for item in tmp_path.iterdir()] == ([] if old is None else ["table.csv"])
    assert old is None or path.read_text() == old


def test_the_new_file_appears_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "table.csv"
    with replacing(path) as partial:
        partial.write_text("new")
        assert not path.exists()
        assert partial.parent == path.parent
        assert partial.suffix == ".csv"
        assert partial.name.startswith(".")
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"cannot write .*table\.csv"):
        write_text(tmp_path / "file" / "table.csv", "text")


def test_text_is_utf8_and_ends_with_one_line_end(tmp_path: Path) -> None:
    for number, text in enumerate(("größe", "größe\n")):
        write_text(tmp_path / f"{number}", text)
        assert (tmp_path / f"{number}").read_bytes() == "größe\n".encode()


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"kaoiro" * 100_000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"kaoiro" * 100_000).hexdigest()
