from __future__ import annotations

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake.ict_face import write_assets
from PIL import Image

pytest.importorskip("numba")

from kaoiro.core.errors import InputError, KaoiroError, OutputError
from kaoiro.core.labels import ACTION_UNITS, FER2013
from kaoiro.synthesis import folder, shards, videos
from kaoiro.synthesis import generate as making
from kaoiro.synthesis.difficulty import Difficulty, load
from kaoiro.synthesis.film import Film
from kaoiro.synthesis.generate import Made, Order, generate
from kaoiro.synthesis.person import Looks
from kaoiro.synthesis.world import FaceWorld

ORDER = Order("syn-id", size=32)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> FaceWorld:
    return FaceWorld(write_assets(tmp_path_factory.mktemp("assets")))


@pytest.fixture(scope="module")
def small() -> Difficulty:
    """Return numbers with two subjects to learn from and one of each test split."""
    full = load()
    apex = {"id_apex_training": 14, "id_apex_paper": 7}
    sizes = replace(
        full.sizes, swap_subjects=1, id_training=2, id_paper=1, id_further=1, id_frames=28, vid_clips=3, **apex
    )
    shares = replace(full.conference, minutes=0.15, recordings=2, shares=(0.0, 0.3), gap=2.0)
    truth, timing = replace(full.truth, apex_reach=0), replace(full.timing, frames=(10, 12), fps=10.0)
    return replace(full, sizes=sizes, conference=shares, truth=truth, timing=timing)


def shorten(patch: pytest.MonkeyPatch) -> None:
    """Put each subject into a shard of its own, and leave the changing checkout out of set.json."""
    patch.setattr(making, "SHARD_CLIPS", 7)
    patch.setattr(making, "commit", lambda: "abc")


@pytest.fixture(autouse=True)
def short_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch)


Make = Callable[..., Made]


@pytest.fixture
def make(world: FaceWorld, small: Difficulty, tmp_path: Path) -> Make:
    def made(order: Order = ORDER, out: str = "set", jobs: int = 2, **options: Any) -> Made:
        return generate(order, tmp_path / out, world, jobs, small, **options)

    return made


@pytest.fixture(scope="module")
def finished(world: FaceWorld, small: Difficulty, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the set once, in one go."""
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        return generate(ORDER, tmp_path_factory.mktemp("sets") / "whole", world, 1, small).path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def interrupt(monkeypatch: pytest.MonkeyPatch, error: BaseException, after: int) -> None:
    """Let the drawing fail after so many frames."""
    drawn, shot = [0], Film.shot

    def failing(self: Film, index: int) -> Any:
        drawn[0] += 1
        if drawn[0] > after:
            raise error
        return shot(self, index)

    monkeypatch.setattr(Film, "shot", failing)


def test_the_same_order_gives_the_same_bytes_with_any_number_of_threads(make: Make, finished: Path) -> None:
    expected = contents(finished)
    assert contents(make(jobs=3).path) == expected
    assert [name for name in expected if name.endswith(".tar")] == [f"shard-{k:05d}.tar" for k in range(4)]


def test_the_manifest_tells_where_pictures_lie_and_what_they_show(finished: Path, small: Difficulty) -> None:
    table = pq.read_table(finished / "manifest.parquet").to_pandas()
    assert table["training"].sum() == small.sizes.id_frames
    assert table.groupby("split")["evaluation"].sum().to_dict() == {"train": 14, "paper-test": 7, "further-test": 7}
    assert set(table["clip_expression"]) == set(FER2013.labels)
    for row in table.iloc[::9].itertuples():
        with tarfile.open(finished / str(row.shard)) as archive:
            member = archive.extractfile(f"{row.subject}/{row.clip}/{row.frame:05d}.jpg")
            assert member is not None
            content = member.read()
        assert (finished / str(row.shard)).read_bytes()[row.offset : row.offset + row.length] == content
        assert Image.open(io.BytesIO(content)).size == (32, 32)
    marks = np.stack(table["landmarks"].to_list()).reshape(-1, 68, 2)
    np.testing.assert_allclose(marks[:, 48], table[["mouth_left_x", "mouth_left_y"]], atol=1e-4)
    assert len(table["visible"].iloc[0]) == 68


def test_the_manifest_tells_either_side_of_the_face(finished: Path) -> None:
    table = pq.read_table(finished / "manifest.parquet")
    assert table.schema.field("units_left").type == table.schema.field("units_right").type == pa.list_(pa.float32(), 20)
    left, right = (np.stack(table[name].to_numpy()) for name in ("units_left", "units_right"))
    means = np.stack([table[name].to_numpy() for name in ACTION_UNITS.labels], axis=1)
    np.testing.assert_allclose((left + right) / 2, means, atol=1e-6)
    assert np.abs(left - right).max() > 0.01


def test_the_subjects_of_a_set_are_described(finished: Path, world: FaceWorld) -> None:
    table = pq.read_table(finished / "subjects.parquet")
    rows = table.to_pylist()
    assert [row["subject"] for row in rows] == ["id-train-000", "id-train-001", "id-paper-000", "id-further-000"]
    assert table.column_names == ["subject", "shape", *Looks.__dataclass_fields__]
    for row in rows:
        person = world.person(row["subject"], ORDER.seed)
        np.testing.assert_array_equal(np.float32(row["shape"]), person.shape)
        for name, value in vars(person.looks).items():
            assert row[name] == (value if isinstance(value, str | int) else pytest.approx(value, rel=1e-6))


def test_members_carry_no_times_and_no_owners(finished: Path) -> None:
    with tarfile.open(finished / "shard-00000.tar") as archive:
        for entry in archive:
            assert (entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname) == (0, 0, 0, "", "")


def test_the_card_and_set_json_say_how_the_set_came_about(finished: Path, world: FaceWorld, small: Difficulty) -> None:
    described, card = json.loads((finished / "set.json").read_text()), (finished / "README.md").read_text()
    assert described["set"] == "syn-id"
    assert described["finished"]["clips"] == 28
    for text in (
        small.sha256,
        world.assets.sha256,
        described["finished"]["sha256"],
        "ICT-FaceKit",
        "not psychology",
        "memory",
    ):
        assert text in card
    assert "| happiness | +0.80 | +0.45 |" in card
    assert "| sadness | 1 4 15 | 4 15 1 (0.60) 6 (0.50) 11 (0.26) 17 (0.67) |" in card


def test_a_ward_has_one_picture_of_each_expression_of_everybody_in_light_of_its_own(make: Make) -> None:
    path = make(replace(ORDER, name="syn-ward", scale=1e-9)).path
    ward = pq.read_table(path / "manifest.parquet").to_pandas()
    assert ward.groupby("split", sort=False).size().to_dict() == {"train": 7, "val": 7, "test": 7}
    assert (ward["clip_expression"] == ward["expression"]).all()
    assert (ward.groupby("subject")["expression"].nunique() == 7).all()
    assert (ward["training"] == (ward["split"] == "train")).all() and (ward["evaluation"] != ward["training"]).all()
    assert ward["light_contrast"].min() >= 0.8
    assert ward["box_width"].max() < 0.75 * ORDER.size  # a face with something around it
    assert "a small set to transfer to" in (path / "README.md").read_text()


def test_people_of_one_session_are_those_of_syn_id_in_one_light_and_before_one_background(
    make: Make, finished: Path
) -> None:
    path = make(replace(ORDER, name="syn-posed")).path
    posed, own = (pq.read_table(folder / "manifest.parquet").to_pandas() for folder in (path, finished))
    for name in ("subject", "clip", "frame", "split", "training", "evaluation", "expression", "intensity"):
        assert posed[name].tolist() == own[name].tolist(), name
    assert set(posed["level"]) == {"posed"}
    light = ["light_azimuth", "light_elevation", "light_contrast"]
    lights = posed.groupby("subject")[light].nunique()
    assert (lights == 1).all(axis=None)
    assert posed.groupby("subject")[light].first().nunique().tolist() == [4, 4, 4]
    assert (own.groupby("subject")[light].nunique() == 7).all(axis=None)
    assert posed["yaw"].abs().max() < own["yaw"].abs().max()
    people = [pq.read_table(folder / "subjects.parquet").to_pylist() for folder in (path, finished)]
    assert people[0] == people[1]
    card = (path / "README.md").read_text()
    assert "one light, one background" in card and "measure memory as well" in card
    assert "with one background and one light" not in card  # which is said of the clips of syn-id
    assert "one background and one light" in (finished / "README.md").read_text()


def test_another_seed_gives_other_people(make: Make) -> None:
    first, second = (make(replace(ORDER, name="syn-swap", seed=seed), str(seed)) for seed in (0, 1))
    assert first.frames == second.frames == 7
    assert first.sha256 != second.sha256


@pytest.mark.parametrize("error", [RuntimeError("cosmic ray"), KeyboardInterrupt()])
def test_an_interrupted_run_is_gone_on_with(
    make: Make, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    with monkeypatch.context() as patch:
        interrupt(patch, error, 40)
        with pytest.raises(type(error)):
            make(jobs=1)
    left = sorted(path.name for path in (tmp_path / "set").iterdir())
    assert left == ["set.json", "shard-00000.parquet", "shard-00000.tar"]
    written = (tmp_path / "set" / "shard-00000.tar").stat().st_mtime_ns
    assert contents(make().path) == contents(finished)
    assert (tmp_path / "set" / "shard-00000.tar").stat().st_mtime_ns == written


def test_a_finished_set_is_not_drawn_again(make: Make, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = make().path
    interrupt(monkeypatch, AssertionError("drawn again"), 0)
    assert make().path == copy
    assert contents(copy) == contents(finished)


@pytest.mark.parametrize("damage", ["shard-00001.tar", "shard-00001.parquet", "manifest.parquet", "subjects.parquet"])
def test_what_is_missing_is_made_again(make: Make, finished: Path, tmp_path: Path, damage: str) -> None:
    shutil.copytree(finished, tmp_path / "set")
    (tmp_path / "set" / damage).unlink()
    assert contents(make().path) == contents(finished)


def test_a_shard_cut_short_is_drawn_again(make: Make, finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "set")
    os.truncate(tmp_path / "set" / "shard-00002.tar", 600)
    assert contents(make().path) == contents(finished)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 2}, "seed 0, not 2"),
        ({"size": 40}, "size 32, not 40"),
        ({"scale": 0.5}, "scale 1.0, not 0.5"),
        ({"name": "syn-vid"}, "set syn-id, not syn-vid"),
        ({"name": "syn-vid", "video": True, "variable_rate": True}, "variable_rate False, not True"),
    ],
)
def test_a_folder_with_another_set_is_refused(
    make: Make, finished: Path, tmp_path: Path, change: dict, words: str
) -> None:
    shutil.copytree(finished, tmp_path / "set")
    with pytest.raises(OutputError, match=words) as caught:
        make(replace(ORDER, **change))
    assert "choose another --out" in str(caught.value)
    assert contents(tmp_path / "set") == contents(finished)


def test_another_difficulty_other_assets_and_another_version_are_refused(
    make: Make, finished: Path, tmp_path: Path
) -> None:
    for name in ("difficulty", "assets", "version"):
        folder = Path(shutil.copytree(finished, tmp_path / name))
        described = json.loads((folder / "set.json").read_text())
        (folder / "set.json").write_text(json.dumps({**described, name: "another"}))
        with pytest.raises(OutputError, match=f"holds a set of {name} another, not "):
            make(out=name)


def test_a_set_is_not_gone_on_with_by_another_version_of_the_renderer(
    make: Make, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert json.loads((finished / "set.json").read_text())["renderer"] == folder.renderer()
    assert {"numpy", "pillow", "numba"} <= json.loads((finished / "set.json").read_text()).keys()
    shutil.copytree(finished, tmp_path / "set")
    monkeypatch.setattr(folder, "renderer", lambda: "0" * 64)
    with pytest.raises(OutputError) as caught:
        make()
    what = "was begun by another version of the renderer; finish it with that one, or choose another --out"
    assert str(caught.value) == f"--out {tmp_path / 'set'} {what}"


@pytest.mark.parametrize("text", ["{", "[]", '"a"'])
def test_a_damaged_set_json_is_refused(make: Make, tmp_path: Path, text: str) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "set.json").write_text(text)
    with pytest.raises(OutputError, match="choose another --out"):
        make()


def test_a_folder_with_other_files_is_refused(make: Make, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.doc").touch()
    with pytest.raises(OutputError, match=r"is not empty \(thesis.doc\) and holds no set"):
        make()


def test_a_disk_with_too_little_room_is_refused_before_anything_is_drawn(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    said: list[str] = []
    with pytest.raises(OutputError, match=r"the set needs about 0\.\d MB, the disk has 0\.0 MB"):
        make(tell=said.append)
    assert any("pictures to draw, about 0." in line for line in said)
    assert not list((tmp_path / "set").iterdir())
    monkeypatch.undo()
    shorten(monkeypatch)
    assert make(replace(ORDER, scale=0.5)).frames > 0


@pytest.mark.parametrize("order", [replace(ORDER, scale=0.5), Order("syn-vid", video=True)])
def test_a_folder_in_which_nothing_was_drawn_is_taken_over(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    monkeypatch.setattr(videos, "SCENE", (64, 36))  # for speed
    first = Order("syn-id", video=True) if order.video else ORDER
    with monkeypatch.context() as patch:
        interrupt(patch, RuntimeError("cosmic ray"), 1 if order.video else 3)
        with pytest.raises(RuntimeError):
            make(first, jobs=1)
    assert json.loads((tmp_path / "set" / "set.json").read_text())["scale"] == 1.0
    made = make(order)
    described = json.loads((made.path / "set.json").read_text())
    assert (described["set"], described["scale"]) == (order.name, order.scale)


def test_a_disk_too_small_for_the_rest_of_a_set_does_not_advise_another_scale(
    make: Make, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(finished, tmp_path / "set")
    (tmp_path / "set" / "shard-00001.tar").unlink()
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OutputError, match=r"; free some$"):
        make()


def test_a_disk_that_fills_up_leaves_no_half_shard(
    make: Make, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added, addfile = [0], tarfile.TarFile.addfile

    def full(self: tarfile.TarFile, *arguments: Any) -> None:
        added[0] += 1
        if added[0] > 30:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        addfile(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(tarfile.TarFile, "addfile", full)
        with pytest.raises(OutputError, match=r"cannot write .*shard-00001.tar: No space left") as caught:
            make()
    assert "\n" not in str(caught.value)
    left = sorted(path.name for path in (tmp_path / "set").iterdir())
    assert left == ["set.json", "shard-00000.parquet", "shard-00000.tar"]
    assert contents(make().path) == contents(finished)


def test_a_file_in_place_of_the_folder_is_refused(make: Make, tmp_path: Path) -> None:
    (tmp_path / "set").touch()
    with pytest.raises(OutputError, match="is a file"):
        make()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "x"}, "set must be one of"),
        ({"seed": -1}, "--seed must be 0 or more"),
        ({"scale": 0.0}, "--scale must be above 0"),
        ({"scale": 2.0}, "--scale must be above 0"),
        ({"size": 24}, "--size must be a multiple of 8 from 32 to 512"),
        ({"size": 100}, "--size must be a multiple of 8"),
        ({"size": 520}, "--size must be a multiple of 8"),
        ({"variable_rate": True}, "--variable-rate must be given together with --video"),
        ({"name": "syn-swap", "video": True}, "stills"),
        ({"name": "conference", "video": True, "variable_rate": True}, "syn-id, syn-posed, syn-vid, syn-flicker"),
    ],
)
def test_impossible_orders_are_refused(change: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(ORDER, **change)


def test_no_jobs_are_refused(make: Make) -> None:
    with pytest.raises(KaoiroError, match="--jobs must be 1 or more"):
        make(jobs=0)


def test_a_conference_comes_with_the_episodes_that_were_planted(make: Make) -> None:
    path = make(replace(ORDER, name="conference")).path
    lines = (path / "episodes.csv").read_text().splitlines()
    assert lines[0] == "clip,start_s,end_s,expression,intensity"
    table = pq.read_table(path / "manifest.parquet").to_pandas()
    clips = table.groupby("clip")["expression"].agg(lambda labels: (labels == "anger").mean()).to_dict()
    assert clips == {"conference-00": 0.0, "conference-01": pytest.approx(0.3, abs=0.01)}
    assert {line.split(",")[0] for line in lines[1:]} == {"conference-01"}
    inside = np.zeros(len(table), bool)
    for line in lines[1:]:
        clip, start, end, expression, _ = line.split(",")
        assert expression == "anger"
        inside |= (table["clip"] == clip) & table["time_s"].between(float(start), float(end))
    np.testing.assert_array_equal(inside, table["expression"] == "anger")


def test_videos_keep_every_frame_and_its_time_and_are_gone_on_with(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    av = pytest.importorskip("av")
    monkeypatch.setattr(videos, "SCENE", (192, 108))  # for speed
    order = Order("syn-vid", video=True, variable_rate=True)
    with monkeypatch.context() as patch:
        interrupt(patch, RuntimeError("cosmic ray"), 16)
        with pytest.raises(RuntimeError):
            make(order, jobs=1)
    assert len(list((tmp_path / "set" / "videos").iterdir())) == 2
    table = pq.read_table(make(order).path / "manifest.parquet").to_pandas()
    assert table["video"].nunique() == 3
    for video, rows in table.groupby("video"):
        with av.open(str(tmp_path / "set" / str(video))) as container:
            frames = list(container.decode(video=0))
        assert {(frame.width, frame.height) for frame in frames} == {(192, 108)}
        np.testing.assert_allclose([frame.time for frame in frames], rows["time_s"], atol=1e-4)
        assert len(set(np.diff(rows["time_s"]).round(4))) > 3
    assert table["box_height"].between(30, 90).all()


def test_videos_have_the_same_bytes_whatever_the_processors(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    if "libx264" not in av.codecs_available or not hasattr(os, "sched_setaffinity"):
        pytest.skip("needs H.264, and processors that can be counted off")
    code = """if True:
        import os, sys
        from pathlib import Path
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[2])])
        import numpy as np, pyarrow as pa
        from kaoiro.synthesis import videos
        rng = np.random.default_rng(0)
        frames = [rng.integers(256, size=(360, 640, 3), dtype=np.uint8) for _ in range(6)]
        rows = pa.table({"time_s": [k / 25 for k in range(6)]})
        videos.write(Path(sys.argv[1]), [videos.Drawn(frames, rows)], 25)
    """
    for name, count in (("one.mp4", "1"), ("more.mp4", "64")):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name), count], check=True)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "more.mp4").read_bytes()


def test_rows_of_a_shard_that_were_damaged_are_refused_with_what_to_do(tmp_path: Path) -> None:
    shard = tmp_path / "shard-00000.tar"
    shards.rows_path(shard).write_bytes(b"nothing")
    with pytest.raises(OutputError, match=r"cannot be read: .*; start again"):
        shards.read_rows(shard)
