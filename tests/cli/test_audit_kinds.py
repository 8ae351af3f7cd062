"""Sets in their authors' layouts, audited as one's own are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fake import affectnet, ck_plus, emotiw, mug, raf_db
from graphs import write_model

from kaoiro.cli import audit
from kaoiro.cli.main import main
from kaoiro.data import kinds

WRITERS: dict[str, Callable[[Path], object]] = {
    "affectnet": affectnet.write_tables,
    "raf-db": raf_db.write,
    "sfew": emotiw.write_sfew,
    "ck-plus": ck_plus.write,
    "mug": mug.write,
}
SPLITS = {"affectnet": {"train", "val"}, "raf-db": {"train", "test"}, "sfew": {"train", "val"}}


def test_every_kind_of_stills_can_be_audited_and_others_not() -> None:
    assert audit.DATASETS == kinds.STILLS
    assert set(audit.DATASETS) == {*audit.REWRITTEN, *WRITERS}


@pytest.mark.parametrize("kind", WRITERS)
def test_official_layouts_are_audited_by_their_splits_and_what_is_left_out_is_told(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    WRITERS[kind](tmp_path / "set")
    model, file = write_model(tmp_path / "model", [0.0] * 8), tmp_path / "out.json"
    argv = ["audit", "labels", kind, "--root", tmp_path / "set", "--model", model.path, "--json", file]
    assert main([*map(str, argv), "--skip", "errors,near,faces"]) == 0
    found, data = json.loads(file.read_text()), kinds.opened(kind, tmp_path / "set")
    assert (found["set"], found["pictures"], found["unreadable"]) == (kind, len(data), 0)
    assert set(found["skew"]) == SPLITS.get(kind, {"all"})
    said = capsys.readouterr().err
    assert (f"left out: {data.told()}" in said) == bool(data.left_out)


def test_a_set_of_others_is_not_written_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["audit", "apply", "mug", "--root", str(tmp_path), "--decisions", "d.csv", "--out", "new"]
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 2
    assert "invalid choice: 'mug'" in capsys.readouterr().err
