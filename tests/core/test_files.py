from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kaoiro.core.errors import OutputError
from kaoiro.core.files import check_file, check_folder, named, replacing, sha256, sweep, write_text, writing


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


def test_what_could_not_be_written_later_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("there")
    check_file(tmp_path / "file")
    check_file(tmp_path / "new" / "file")
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "folder")
    assert [item.name for item in tmp_path.iterdir()] == ["file"]
    for check, name in (
        (check_file, "."),
        (check_file, "file/below"),
        (check_folder, "file"),
        (check_folder, "file/below/it"),
        (check_folder, "n" * 300),
    ):
        with pytest.raises(OutputError, match="cannot write"):
            check(tmp_path / name)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="this user may write anywhere")
def test_a_folder_without_permission_is_refused_at_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot write"):
        check_file(tmp_path / "new")
    tmp_path.chmod(0o700)


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


def test_a_folder_in_the_way_is_noticed_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "table.csv").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*table\.csv: "), replacing(tmp_path / "table.csv"):
        pytest.fail("the work was done in vain")
    assert [item.name for item in tmp_path.iterdir()] == ["table.csv"]


def test_a_name_that_is_too_long_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot write .*aaa"):
        write_text(tmp_path / ("a" * 300), "text")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows also limits whole paths")
def test_a_name_that_is_just_short_enough_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 251 + ".csv")
    write_text(path, "text")
    assert list(tmp_path.iterdir()) == [path]


def test_errors_of_the_block_do_not_blame_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="other"), replacing(tmp_path / "table.csv"):
        (tmp_path / "other").read_text()
    with pytest.raises(OutputError, match=r"cannot write .*table\.csv"), writing(tmp_path / "table.csv"):
        (tmp_path / "other").read_text()


class Full:
    """A resource whose end the disk does not hold."""

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *_: object) -> None:
        raise OSError(28, "No space left on device")


def test_what_cannot_be_ended_is_named_and_hides_no_earlier_error() -> None:
    with pytest.raises(OutputError, match=r"cannot write a\.csv: No space left"), named("a.csv", Full()):
        pass
    with pytest.raises(ValueError, match="earlier"), named("a.csv", Full()):
        raise ValueError("earlier")


def test_what_dead_processes_left_is_swept(tmp_path: Path) -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead = int(gone.stdout)
    left = [tmp_path / "deep" / f".a.jpg.part{dead}.csv", tmp_path / f".b.part{os.getpid()}.mp4"]
    others = [tmp_path / f"a.part{dead}.csv", tmp_path / ".a.csv", tmp_path / f".a.part{os.getppid()}.csv"]
    for path in (*left, *others):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    with replacing(tmp_path / "deep" / "c.csv") as partial:
        partial.touch()
        if sys.platform == "win32":  # cannot tell, and would refuse to remove what is open
            others.remove(tmp_path / f".a.part{os.getppid()}.csv")
        assert set(left) <= set(sweep(tmp_path))
        assert partial.exists()
    assert {path for path in tmp_path.rglob("*") if path.is_file()} - set(others) == {tmp_path / "deep" / "c.csv"}


def test_text_is_utf8_and_ends_with_one_line_end(tmp_path: Path) -> None:
    for number, text in enumerate(("größe", "größe\n")):
        write_text(tmp_path / f"{number}", text)
        assert (tmp_path / f"{number}").read_bytes() == "größe\n".encode()


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"kaoiro" * 100_000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"kaoiro" * 100_000).hexdigest()
