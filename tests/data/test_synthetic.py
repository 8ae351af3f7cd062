from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake.synthetic import Rows, colour, write

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import ACTION_UNITS, FER2013, MULTITASK_UNITS
from kaoiro.data.datasets.synthetic import Synthetic, read


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rows]:
    folder = tmp_path_factory.mktemp("sets") / "set"
    return folder, write(folder)


@pytest.fixture(scope="module")
def found(written: tuple[Path, Rows]) -> Synthetic:
    return read(written[0])


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def test_reads_what_was_written(found: Synthetic, written: tuple[Path, Rows]) -> None:
    rows = written[1]
    assert len(found) == len(rows) == 72
    assert found.table["subject"].tolist() == [row["subject"] for row in rows]
    np.testing.assert_allclose(found.landmarks.reshape(72, -1), [row["landmarks"] for row in rows])
    np.testing.assert_array_equal(found.visible, [row["visible"] for row in rows])
    np.testing.assert_allclose(found.sides, [[row["units_left"], row["units_right"]] for row in rows])
    assert found.clips[0] == "train-0/c0"


def test_pictures_are_those_of_their_rows_in_any_order(found: Synthetic, written: tuple[Path, Rows]) -> None:
    order = np.random.default_rng(0).permutation(len(found))
    order = np.concatenate([order, order[:5]])
    pixels = found.pixels(order)
    assert pixels.shape == (77, 32, 32, 3)
    assert pixels.dtype == np.uint8
    expected = np.array([colour(written[1][row]) for row in order])
    np.testing.assert_allclose(pixels.mean(axis=(1, 2)), expected, atol=3)


def test_threads_may_read_at_the_same_time(found: Synthetic) -> None:
    rows = np.arange(len(found))
    expected = found.pixels(rows)
    with ThreadPoolExecutor(4) as pool:
        for pixels in pool.map(found.pixels, [rows] * 8):
            np.testing.assert_array_equal(pixels, expected)


def test_faces_come_grey_and_in_other_sizes(found: Synthetic) -> None:
    assert found.faces(grey=True).pixels.shape == (72, 32, 32)
    small = found.faces("val", size=16)
    assert small.pixels.shape == (12, 16, 16, 3)
    np.testing.assert_allclose(small.pixels.mean((1, 2)), found.faces("val").pixels.mean((1, 2)), atol=1)
    assert found.faces("val", size=48).pixels.shape == (12, 48, 48, 3)


def test_parts_are_chosen_by_split_role_and_level(found: Synthetic) -> None:
    assert len(found.faces("train")) == 36
    assert len(found.faces(("train", "val"))) == 48
    assert len(found.faces("train", "training")) == 18
    assert len(found.faces("train", "evaluation")) == 6
    assert len(found.faces("test", "evaluation", "high")) == 12
    both = np.intersect1d(found.select(role="training"), found.select(role="evaluation"))
    assert len(both) == 6


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"split": "paper-test"}, "no pictures of split paper-test"),
        ({"split": "val", "role": "training"}, "no pictures of split val, role training"),
        ({"level": "medium"}, "levels high, low"),
        ({"split": "dev"}, "there are: splits test, train, val"),
    ],
)
def test_a_part_that_is_not_there_is_refused_with_those_that_are(found: Synthetic, choice: dict, words: str) -> None:
    with pytest.raises(DataError, match=words):
        found.faces(**choice)


def test_labels_that_the_set_does_not_give_away_are_missing(found: Synthetic) -> None:
    faces = found.faces("train")
    units, classes = faces.targets["units"], faces.targets["expression"]
    second = np.char.endswith(faces.clips, "c1")
    assert np.isnan(classes[~second]).all()
    assert not np.isnan(classes[second]).any()
    assert np.isnan(units[second]).all()
    assert not np.isnan(units[~second]).any()
    np.testing.assert_array_equal(faces.labels["expression"] == -1, ~second)
    assert not np.isnan(faces.targets["affect"]).any()


def test_the_truth_is_there_for_whoever_asks(found: Synthetic, written: tuple[Path, Rows]) -> None:
    faces = found.faces(labels="true")
    names = [FER2013.labels[k] for k in faces.labels["expression"]]
    assert names == [row["expression"] for row in written[1]]
    np.testing.assert_array_equal(faces.targets["expression"].argmax(axis=1), faces.labels["expression"])
    np.testing.assert_array_equal(faces.targets["expression"].sum(axis=1), 1)
    expected = [[row[name] for name in ACTION_UNITS.labels] for row in written[1]]
    np.testing.assert_allclose(faces.targets["units"], expected)
    np.testing.assert_allclose(faces.targets["affect"], [[r["valence"], r["arousal"]] for r in written[1]], rtol=1e-6)
    assert {value.dtype for value in faces.targets.values()} == {np.dtype("float32")}
    assert faces.labels["expression"].dtype == np.int64
    assert faces.subjects is not None
    assert faces.subjects[-1] == "test-1"


def test_the_units_can_be_those_of_the_multi_task_networks(found: Synthetic) -> None:
    every = found.faces(labels="true").targets["units"]
    eight = found.faces(labels="true", units=MULTITASK_UNITS).targets["units"]
    assert eight.shape == (72, 8)
    np.testing.assert_array_equal(eight, every[:, ACTION_UNITS.indices(MULTITASK_UNITS.labels)])


def test_windows_stay_within_clips_and_follow_time(found: Synthetic) -> None:
    windows = found.windows(4)
    assert windows.rows.shape == windows.times.shape == (12 * 3, 4)
    assert len(windows) == 36
    clips = found.clips[windows.rows]
    assert (clips == clips[:, :1]).all()
    np.testing.assert_allclose(np.diff(windows.times), 2 / 25)
    np.testing.assert_allclose(windows.times, found.table["time_s"].to_numpy()[windows.rows])


def test_windows_follow_time_where_the_rows_do_not(tmp_path: Path) -> None:
    write(tmp_path, lambda rows: rows.sort(key=lambda row: -row["frame"]))
    assert (np.diff(read(tmp_path).windows(3).times) > 0).all()


def test_windows_take_steps_and_parts(found: Synthetic) -> None:
    assert len(found.windows(4, step=2)) == 12 * 2
    assert len(found.windows(6, split="val")) == 2
    assert len(found.windows(3, split="train", role="training")) == 6
    assert found.windows(7).rows.shape == (0, 7)


@pytest.mark.parametrize(("length", "step"), [(0, 1), (3, 0), (-1, 1)])
def test_impossible_windows_are_refused(found: Synthetic, length: int, step: int) -> None:
    with pytest.raises(InputError, match="must be 1 or more"):
        found.windows(length, step)


def test_damaged_bytes_are_refused_with_shard_and_member(tmp_path: Path) -> None:
    rows = write(tmp_path)
    place = rows[40]
    with (tmp_path / place["shard"]).open("r+b") as file:
        file.seek(place["offset"])
        file.write(b"\0" * place["length"])
    found = read(tmp_path)
    found.pixels(np.arange(40))
    with pytest.raises(DataError, match=r"shard-00001.tar, val-0/c0/00009.jpg: damaged picture: no JPEG") as caught:
        found.faces()
    assert "\n" not in str(caught.value)


def test_a_picture_cut_short_is_refused(tmp_path: Path) -> None:
    def shorten(rows: Rows) -> None:
        rows[3]["length"] -= 40

    write(tmp_path, shorten)
    with pytest.raises(DataError, match=r"train-0/c0/00007.jpg: damaged"):
        read(tmp_path).pixels(np.array([3]))


def test_a_shard_that_vanished_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    found = read(tmp_path)
    (tmp_path / "shard-00001.tar").unlink()
    assert "shard-00001.tar not found" in refusal(tmp_path)
    with pytest.raises(DataError, match=r"shard-00001.tar not found"):
        found.faces()


def test_a_shard_that_is_too_short_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    content = (tmp_path / "shard-00000.tar").read_bytes()
    (tmp_path / "shard-00000.tar").write_bytes(content[:3000])
    assert "shard-00000.tar has 3000 bytes; train-0/c0, frame " in refusal(tmp_path)


def _set(row: int, **values: object) -> Callable[[Rows], None]:
    return lambda rows: rows[row].update(values)


def _drop(name: str) -> Callable[[Rows], None]:
    return lambda rows: [row.pop(name) for row in rows] and None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_drop("au_12"), "lacks the columns au_12; make the set anew"),
        (_drop("landmarks"), "lacks the columns landmarks"),
        (_drop("units_right"), "lacks the columns units_right"),
        (_set(5, units_left=[0.0]), "units_left must hold 20 values in every row"),
        (_drop("has_units"), "lacks the columns has_units"),
        (lambda rows: rows.clear(), "lacks the columns shard, offset"),
        (_set(5, shard="../shard-00000.tar"), "../shard-00000.tar not found"),
        (_set(5, shard="shard-00009.tar"), "shard-00009.tar not found, but manifest.parquet names it"),
        (_set(5, offset=1000), "bytes from 1000 on"),
        (_set(5, offset=0), "bytes from 0 on"),
        (_set(5, length=0), "cannot be 0 bytes"),
        (_set(5, length=10**9), "cannot be 1000000000 bytes"),
        (_set(5, expression="contempt"), "expressions outside the vocabulary: contempt; valid: anger, "),
        (_set(5, valence=None), "empty values in valence"),
        (_set(5, frame=1), "train-0/c0, frame 1 stands twice"),
        (_set(5, split="val"), "subject train-0 is in more than one split (train, val)"),
        (_set(5, landmarks=[0.0] * 135), "landmarks must hold 136 values in every row"),
        (_set(5, visible=[True]), "visible must hold 68 values in every row"),
        (_set(5, landmarks=None), "landmarks must hold 136 values in every row"),
    ],
)
def test_a_manifest_out_of_the_documented_layout_is_refused(
    tmp_path: Path, change: Callable[[Rows], None], words: str
) -> None:
    write(tmp_path, change)
    assert words in refusal(tmp_path)


def test_a_manifest_without_rows_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "manifest.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    assert "has no rows" in refusal(tmp_path)


def test_a_manifest_of_videos_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "manifest.parquet"
    table = pq.read_table(path).drop_columns(["shard", "offset", "length"])
    pq.write_table(table.append_column("video", pa.array(["a.mp4"] * len(table))), path)
    assert "without --video" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["manifest.parquet", "set.json"])
def test_files_that_are_missing_or_no_such_files_are_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path)
    (tmp_path / name).write_bytes(b"PAR1 no")
    assert name in refusal(tmp_path)
    (tmp_path / name).unlink()
    assert f"{name} not found" in refusal(tmp_path)


def test_settings_without_a_size_are_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "set.json").write_text(json.dumps({"size": "96"}))
    assert "set.json lacks the settings" in refusal(tmp_path)


def test_a_set_that_is_moved_stays_readable(tmp_path: Path) -> None:
    write(tmp_path / "a")
    expected = read(tmp_path / "a").faces().pixels
    (tmp_path / "a").rename(tmp_path / "b")
    np.testing.assert_array_equal(read(tmp_path / "b").faces().pixels, expected)


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "set.json").unlink()
    (tmp_path / "set.json").mkdir()
    assert f"{tmp_path / 'set.json'} cannot be read: Is a directory" in refusal(tmp_path)
