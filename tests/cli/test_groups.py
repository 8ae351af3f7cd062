from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from fake import groups as fake
from PIL import Image

from kaoiro.cli.main import main


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    return fake.write_both(tmp_path)


def audit(*argv: object) -> int:
    return main(["audit", "groups", *map(str, argv)])


def refused(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    try:
        assert audit(*argv) == 2
    except SystemExit as left:  # the parser itself refused
        assert left.code == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    return said.err


def test_everything_asked_for_is_written(
    tables: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records, groups = tables
    outputs = ("--json", tmp_path / "o.json", "--csv", tmp_path / "o.csv", "--plot", tmp_path / "o.png")
    options = ("--by", "gender,age:30/40", "--draws", 300, "--seed", 7, "--results", tmp_path / "res")
    assert audit(records, "--groups", groups, *options, *outputs) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "### By gender" in said.out and "| 30 to below 40 | 10 | 20 |" in said.out
    stored = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    assert (stored["seed"], stored["draws"], list(stored["groups"])) == (7, 300, ["gender", "age"])
    assert len(pd.read_csv(tmp_path / "o.csv")) == len(stored["figures"]["rows"])
    with Image.open(tmp_path / "o.png") as image:
        assert image.format == "PNG" and 800 < image.width < 2000
    assert {path.name for path in (tmp_path / "res").iterdir()} == {
        "groups-groups.json",
        "groups-groups.md",
        "groups-groups.png",
    }
    assert "(groups-groups.png)" in (tmp_path / "res" / "groups-groups.md").read_text(encoding="utf-8")


def test_what_was_left_out_is_said_beside_the_figures(
    tables: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records, groups = tables
    pd.read_csv(groups).drop(columns="person").assign(studio="one").to_csv(groups, index=False)
    assert audit(records, "--groups", groups, "--draws", 300) == 0
    said = capsys.readouterr()
    assert "every picture counts as a person of its own" in said.err
    assert "studio has one group only" in said.err
    assert said.out.startswith("* 80 pictures of 80 people")


def test_records_of_analyze_are_audited(
    small_photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = [f"{number}.jpg" for number in range(4)]
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(small_photo.read_bytes())
    assert main(["analyze", "photos", "--out", "out", "--format", "parquet"]) == 0
    header = ("file", "person", "expression", "hat")
    rows = [(name, name, "happiness", "yes" if place % 2 else "no") for place, name in enumerate(names)]
    table = fake.write_groups(tmp_path / "g.csv", rows, header)
    capsys.readouterr()
    assert audit("out/all.parquet", "--groups", table, "--draws", 300) == 0
    said = capsys.readouterr().out
    assert "4 pictures of 4 people; a face was found in 4" in said
    assert "nothing is said: no (2), yes (2)" in said


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--by", "sex"), "--by sex: no such column"),
        (("--by", ","), "--by names no column"),
        (("--by", "age,age:30"), "--by names a column twice: age"),
        (("--by", "age:x"), "behind the colon"),
        (("--by", "age:99"), "nobody is in the band 99 and above"),
        (("--truth", "label"), "--truth label: no such column"),
        (("--least", "1.5"), "from 0 to 1"),
        (("--least", "x"), "from 0 to 1"),
        (("--draws", "20"), "200 or more"),
        (("--seed", "-1"), "whole number"),
        (("--csv", "o.txt"), "must end in .csv"),
        (("--plot", "o.jpg"), "must end in .png"),
    ],
)
def test_bad_options_are_one_line(
    tables: tuple[Path, Path], capsys: pytest.CaptureFixture[str], options: tuple[str, ...], told: str
) -> None:
    records, groups = tables
    assert told in refused(capsys, records, "--groups", groups, *options)


def test_bad_tables_are_one_line(tables: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records, groups = tables
    assert "cannot be read" in refused(capsys, tmp_path / "none.csv", "--groups", groups)
    assert "cannot be read" in refused(capsys, records, "--groups", tmp_path / "none.csv")
    assert "twice" in refused(capsys, records, records, "--groups", groups)
    assert "no records of `kaoiro analyze`" in refused(capsys, groups, "--groups", groups)
    lines = groups.read_text(encoding="utf-8").splitlines()
    groups.write_text("\n".join(lines[:-3]), encoding="utf-8")
    assert "no row for 3 of 80 pictures of the records: set/38-smile.jpg" in refused(
        capsys, records, "--groups", groups
    )
    groups.write_text("\n".join([*lines, lines[3]]), encoding="utf-8")
    assert "is in row 3 already" in refused(capsys, records, "--groups", groups)
    frame = pd.read_csv(records)
    faceless = frame.assign(**{name: None for name in frame if name.startswith(("expression", "box"))})
    faceless.to_csv(records, index=False)
    groups.write_text("\n".join(lines), encoding="utf-8")
    assert "no face in any of 80 pictures" in refused(capsys, records, "--groups", groups)
