from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from fake.bank import write_bank
from fake.ict_face import write_assets

from kaoiro.cli.main import main
from kaoiro.core import modelfile
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import expression_column
from kaoiro.inference import floor


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_bank(tmp_path_factory.mktemp("bank") / "bank.parquet"))


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Return the one line with which a call is refused."""
    assert main([str(one) for one in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("kaoiro: ")
    assert err.count("\n") == 1, err
    return err


def _records(path: Path, anger: float, model: str, seconds: int = 30) -> Path:
    times = np.arange(0, seconds, 0.5)
    rest = {expression_column(label): (1 - anger) / 7 for label in EXPRESSIONS.labels}
    scores = rest | {"expression_anger": anger}
    columns = {"source": "talk.mp4", "frame": np.arange(len(times)), "time_s": times, "track": 0, "model": model}
    pd.DataFrame(columns | scores).to_csv(path, index=False)
    return path


def test_floors_of_a_bank_are_written_and_shown(bank: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "floor.json"
    arguments = ["calibrate-floor", "--bank", bank, "--level", "medium", "--minutes", "60", "5", "--out", str(out)]
    assert main(arguments) == 0
    said, told = capsys.readouterr()
    assert "noise floor of affect (aaaaaaaaaaaa)" in said
    assert "medium: 4 people, 16 sessions; minutes: 5, 60" in said
    assert told == f"kaoiro: wrote {out}\n"
    content = json.loads(out.read_text())
    assert content["model"] == {"name": "affect", "digest": "a" * 64}
    assert content["source"]["bank"]["people"] == 4
    rows = content["levels"]["medium"]["columns"]["expression_anger"]
    assert [row["minutes"] for row in rows] == [5, 60]
    assert set(rows[0]) == {"minutes", "floor", "estimate", "low", "sd", "rare", "rest_low", "rest_high", "excess"}
    assert rows[1]["sd"] == pytest.approx(0.01, rel=0.4)  # as the bank was written


def test_the_same_bank_and_seed_give_the_same_file(bank: str, tmp_path: Path) -> None:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file in files:
        assert main(["calibrate-floor", "--bank", bank, "--level", "low", "--minutes", "5", "--out", str(file)]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_own_recordings_stand_beside_the_floor_that_ships(tmp_path: Path) -> None:
    digest = modelfile.load().digest
    own = [str(_records(tmp_path / f"{name}.csv", anger, digest)) for name, anger in (("a", 0.01), ("b", 0.03))]
    out = tmp_path / "floor.json"
    assert main(["calibrate-floor", "--own", *own, "--out", str(out)]) == 0
    table = floor.load(out, digest)
    assert list(table.levels) == ["low", "medium", "high", "own"]
    assert table.floor("expression_anger", 60, "own").sd == pytest.approx(0.02 / 2**0.5, rel=0.01)
    assert table.floor("expression_anger", 60, "low").floor == floor.load().floor("expression_anger", 60, "low").floor


def test_own_recordings_of_another_model_stand_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = [str(_records(tmp_path / f"{name}.csv", anger, "e" * 64)) for name, anger in (("a", 0.01), ("b", 0.03))]
    out = tmp_path / "floor.json"
    assert main(["calibrate-floor", "--own", *own, "--minutes", "10", "--out", str(out)]) == 0
    assert list(floor.load(out, "e" * 64).levels) == ["own"]
    capsys.readouterr()
    line = refused(capsys, "calibrate-floor", "--own", *own, "--level", "low", "--out", out)
    assert "measured with another model (affect" in line


def test_bad_input_is_one_line(bank: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, end = ["calibrate-floor"], ["--out", tmp_path / "floor.json"]
    missing = tmp_path / "none.parquet"
    assert f"{missing}: no such bank" in refused(capsys, *command, "--bank", missing, *end)
    (tmp_path / "text.parquet").write_text("no")
    assert "not a Parquet file" in refused(capsys, *command, "--bank", tmp_path / "text.parquet", *end)
    table = pq.read_table(bank)
    pq.write_table(table.drop_columns(["strength", "label"]), tmp_path / "other.parquet")
    assert "lacks strength, label" in refused(capsys, *command, "--bank", tmp_path / "other.parquet", *end)
    line = refused(capsys, *command, "--bank", bank, "--model", "stills", *end)
    assert "no scores of model stills; the bank has affect (aaaaaaaaaaaa)" in line
    assert "name it by --bank" in refused(capsys, *command, "--model", "stills", *end)
    assert "--seed must be 0 or more" in refused(capsys, *command, "--seed", "-1", *end)
    one = _records(tmp_path / "a.csv", 0.01, "e" * 64)
    assert "two or more neutral recordings" in refused(capsys, *command, "--own", one, *end)
    low = write_bank(tmp_path / "low.parquet", levels=("low",))
    line = refused(capsys, *command, "--bank", low, "--level", "high", *end)
    assert "level must be one of low, not high" in line
    alone = write_bank(tmp_path / "alone.parquet", sessions=1)
    assert "nobody has two null recordings" in refused(capsys, *command, "--bank", alone, *end)
    few = write_bank(tmp_path / "few.parquet", people=2)
    assert "four people or more" in refused(capsys, "evaluate", "recordings", "--bank", few)
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--level", "extreme", "--out", "floor.json"])
    assert stopped.value.code == 2


def test_the_experiments_run_from_the_command_line(
    bank: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--minutes", "5", "--replicates", "4", "--results", str(tmp_path), "--json", str(tmp_path / "a.json")]
    assert main(["evaluate", "recordings", "--bank", bank, *arguments]) == 0
    assert "kaoiro: false alarms: low, 5 minutes" in capsys.readouterr().err
    assert (tmp_path / "recordings.md").is_file()
    assert json.loads((tmp_path / "a.json").read_text())["bank"]["model"] == "affect"


def test_a_bank_is_drawn_scored_and_continued(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("numba")
    assets, out = write_assets(tmp_path / "assets"), tmp_path / "bank"
    size = ["--identities", "1", "--seconds", "8", "--assets", str(assets), "--out", str(out)]
    assert main(["evaluate", "bank", *size, "--sessions", "1"]) == 0
    part = out / "parts" / "000-bank-000-low.parquet"
    first = part.read_bytes()
    table = pq.read_table(out / "bank.parquet").to_pandas()
    weak = table[(table.strength == "weak") & (table.model == "affect") & (table.level == "high")]
    assert weak.time_s.tolist() == pytest.approx([0, 0.52, 1, 1.52, *np.arange(2, 8, 0.5)], abs=0.021)
    assert set(table.model) == {"affect", "stills-both"}
    assert set(table.level) == {"low", "medium", "high"}
    strong = table[(table.strength == "strong") & (table.label == "anger")]
    shown = table[(table.strength == "weak") & (table.label == "anger")]
    assert strong.intensity.max() > 0.55 > 0.41 > shown.intensity.max() > 0.1
    assert 1 <= len(shown) / 6 <= 6  # 2 s of 8, at three levels, by two models
    assert main(["evaluate", "bank", *size, "--sessions", "2", "--level", "medium"]) == 0
    assert part.read_bytes() == first
    table = pq.read_table(out / "bank.parquet").to_pandas()
    assert set(zip(table.session, table.level, strict=True)) == {(0, "low"), (0, "medium"), (0, "high"), (1, "medium")}
    capsys.readouterr()
    line = refused(capsys, "evaluate", "bank", *size, "--sessions", "1", "--seed", "5")
    assert "holds a bank of other settings" in line


def test_without_numba_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    assert "needs the extra [synth]" in refused(capsys, "evaluate", "bank", "--out", tmp_path)
