"""The commit that models and results name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kaoiro.core import revision


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkout of its own, in which the module believes to lie."""
    file = tmp_path / "revision.py"
    file.write_text("first")
    monkeypatch.setattr(revision, "__file__", str(file))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    _git(tmp_path, "init", "-q")
    return tmp_path


def _git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_a_clean_checkout_gives_its_commit(checkout: Path) -> None:
    _git(checkout, "add", ".")
    _git(checkout, "commit", "-qm", "first")
    assert _git(checkout, "rev-parse", "HEAD").startswith(revision.commit())
    assert len(revision.commit()) >= 12


def test_changed_files_are_marked_with_a_plus(checkout: Path) -> None:
    _git(checkout, "add", ".")
    _git(checkout, "commit", "-qm", "first")
    (checkout / "revision.py").write_text("second")
    assert revision.commit().endswith("+")


def test_written_results_are_no_change(checkout: Path) -> None:
    page = checkout / "docs" / "results" / "speed.md"
    page.parent.mkdir(parents=True)
    page.write_text("first")
    _git(checkout, "add", ".")
    _git(checkout, "commit", "-qm", "first")
    page.write_text("second")
    assert not revision.commit().endswith("+")


def test_a_copy_installed_inside_another_checkout_is_unknown(checkout: Path) -> None:
    (checkout / "other.py").write_text("theirs")
    _git(checkout, "add", "other.py")
    _git(checkout, "commit", "-qm", "theirs")
    assert revision.commit() == "unknown"


def test_outside_a_checkout_it_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(revision, "__file__", str(tmp_path / "revision.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert revision.commit() == "unknown"


def test_without_git_it_is_unknown(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    assert revision.commit() == "unknown"
