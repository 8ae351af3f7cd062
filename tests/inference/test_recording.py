from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tables_of_records import manifest, row, steady, write

from kaoiro.core import modelfile
from kaoiro.core.errors import InputError
from kaoiro.inference import recording
from kaoiro.inference.recording import EXPRESSION_COLUMNS, read_recordings
from kaoiro.inference.report.speaker import lane
from kaoiro.timeline.sampled import sampled


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_every_format_gives_the_same_samples(tmp_path: Path, kind: str) -> None:
    rows = [row(round(0.1 * n, 6), anger=0.001 * n, valence=-0.5) for n in range(100)] + [row(10.0, None)]
    one = read_recordings(write(tmp_path / f"talk.{kind}", rows))[0]
    assert (one.source, one.start_s, one.end_s, one.model) == ("talk.mp4", 0.0, 10.0, None)
    assert one.columns["time_s"].tolist() == pytest.approx([*np.arange(0, 10, 0.5).tolist(), 9.9])
    assert one.columns["expression_anger"] == pytest.approx(0.01 * one.columns["time_s"])
    assert one.has("valence") and not one.has("au_12") and not one.has("expression_anger_smooth")


def test_what_is_kept_while_reading_gives_what_all_rows_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.01, 0.9, 3000)).round(6)
    rows = [row(time, track, anger=rng.uniform()) for time in times.tolist() for track in (0, 1) if rng.uniform() < 0.8]
    monkeypatch.setattr(recording, "_PARTS", 2)
    monkeypatch.setattr("kaoiro.inference.batches._ROWS", 64)
    kept = read_recordings(write(tmp_path / "talk.parquet", rows))[0]
    full = read_recordings(tmp_path / "talk.parquet", None)[0]
    assert len(kept.tracks) < 0.8 * len(full.tracks)
    for track in (0, 1):
        chosen = lane(kept, [track])
        all_rows = np.flatnonzero(full.tracks == track)
        expected = sampled(full.columns["time_s"][all_rows], 0.5, full.start_s, full.end_s)
        wished = expected.take(full.table(EXPRESSION_COLUMNS, all_rows))
        assert np.array_equal(chosen.samples.take(kept.table(EXPRESSION_COLUMNS, chosen.rows)), wished, equal_nan=True)


def test_a_table_of_several_sources_holds_several_recordings(tmp_path: Path) -> None:
    rows = steady(30, source="a.mp4") + steady(20, source="b/c.mp4") + [row(0.0, None, source="empty.mp4")]
    found = read_recordings(write(tmp_path / "all.csv", rows))
    assert [(one.name, round(one.end_s, 3)) for one in found] == [("a.mp4", 2.9), ("c.mp4", 1.9)]


def test_the_manifest_beside_records_names_their_model(tmp_path: Path) -> None:
    digest = modelfile.load().digest
    manifest(tmp_path, {"talk.mp4": digest}, "breaks off at 3 s")
    (tmp_path / "deeper").mkdir()
    one = read_recordings(write(tmp_path / "deeper" / "talk.parquet", steady(30)))[0]
    assert one.model == recording.Model(digest, modelfile.DEFAULT, "0.1.0")
    assert one.note == "breaks off at 3 s"


def test_rows_of_two_models_in_one_recording_are_refused(tmp_path: Path) -> None:
    table = pd.DataFrame(steady(30))
    table["model"] = ["one"] * 20 + ["two"] * 10
    table.to_csv(tmp_path / "talk.csv", index=False)
    with pytest.raises(InputError, match=r"measured by 2 models \(one, two\)"):
        read_recordings(tmp_path / "talk.csv")


def bad_tables(folder: Path) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    rows = steady(30)
    plain = pd.DataFrame(rows)
    plain.drop(columns="time_s").to_csv(folder / "timeless.csv", index=False)
    plain.drop(columns=["expression_fear", "track"]).to_csv(folder / "other.csv", index=False)
    plain.assign(time_s=np.nan).to_parquet(folder / "empty-times.parquet")
    (folder / "noise.parquet").write_bytes(b"\x00\x01noise")
    (folder / "empty.csv").write_text("")
    (folder / "list.jsonl").write_text("[1, 2]\n")
    (folder / "words.jsonl").write_text("hello\n")
    write(folder / "photo.csv", [row(0.0, 0) | {"track": None}])
    write(folder / "faceless.csv", [row(0.1 * n, None) for n in range(5)])
    write(folder / "header.csv", [])
    write(folder / "back.csv", [*rows, *rows])
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("timeless.csv", "has no times"),
        ("other.csv", "no table of records: it lacks the columns track, expression_fear"),
        ("empty-times.parquet", "rows without a time"),
        ("noise.parquet", "no table of records"),
        ("empty.csv", "no table of records|holds no records|has no times"),
        ("list.jsonl", "every line must be an object"),
        ("words.jsonl", "no table of records"),
        ("photo.csv", "no face in it"),
        ("faceless.csv", "no face in it"),
        ("header.csv", "holds no records"),
        ("back.csv", "times of talk.mp4 go back"),
        ("missing.csv", "cannot be read"),
        ("talk.txt", "records end in"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, name: str, words: str) -> None:
    path = bad_tables(tmp_path / "bad").get(name, tmp_path / name)
    with pytest.raises(InputError, match=words) as error:
        read_recordings(path)
    assert name in str(error.value)


def test_rows_that_are_no_probabilities_are_named_by_file_and_row(tmp_path: Path) -> None:
    rows = steady(5)
    rows[3] |= {"expression_anger": 1.0}
    path = write(tmp_path / "bigprob.csv", rows)
    words = r"bigprob.csv: row 4 \(talk.mp4\): the probabilities .* add up to 1, not to 2"
    with pytest.raises(InputError, match=words):
        read_recordings(path)
    smooth = [one | {f"{name}_smooth": 0.2 for name in EXPRESSION_COLUMNS} for one in steady(5)]
    with pytest.raises(InputError, match=r"row 1 .* expression_anger_smooth"):
        read_recordings(write(tmp_path / "smooth.parquet", smooth))


def test_recordings_of_days_are_refused_unless_samples_are_few(tmp_path: Path) -> None:
    rows = [*steady(20), *steady(20, start_s=360_000)]
    path = write(tmp_path / "hugegap.csv", rows)
    for step in (0.5, None):
        with pytest.raises(InputError, match=r"hugegap.csv: talk.mp4 lasts 100 hours .* at most 48 .*--every"):
            read_recordings(path, step)
    assert read_recordings(path, 5.0)[0].end_s == pytest.approx(360_001.9)


def test_names_do_not_act_on_terminals(tmp_path: Path) -> None:
    one = read_recordings(write(tmp_path / "t.parquet", steady(5, source="x/a\x1b[31m\u202eb.mp4")))[0]
    assert one.name == "a[31mb.mp4"
    assert read_recordings(write(tmp_path / "u.parquet", steady(5, source="\u202e")))[0].name == "unnamed"
