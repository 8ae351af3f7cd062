"""Indexes on disk: exact ranking, and what happens when files, models and runs change."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import write_bright_model
from jobs import Middle
from media import bar_code, regular, write_video
from PIL import Image

from kaoiro import Analyzer
from kaoiro.core.errors import InputError, OutputError, TruncatedVideo
from kaoiro.core.types import Box
from kaoiro.inference.embedding import Place
from kaoiro.inference.search import Index, building, store
from kaoiro.inference.search.holding import LOCK
from kaoiro.inference.search.index import home

COLUMNS = ("au_06", "au_12", "au_25")
BOX = {"box_left": 1.0, "box_top": 2.0, "box_width": 30.0, "box_height": 30.0, "face_size": 30.0}


def row(source: str, time_s: float = 0.0, track: int | None = None) -> dict[str, Any]:
    return {"source": source, "frame": 0, "time_s": time_s, "track": track, "face_score": 0.9, **BOX}


def part(embeddings: Any, scores: Any, rows: Sequence[dict[str, Any]]) -> store.Content:
    counts = Counter(one["source"] for one in rows)
    files = [{"name": name, "size": 1, "stamp": 1, "rows": count, "note": ""} for name, count in counts.items()]
    return store.Content(np.asarray(embeddings), np.asarray(scores), rows, files)


def about(width: int = 2) -> store.About:
    return store.About(model="made", digest="up", width=width, columns=COLUMNS, every=1.0)


def names(found: Sequence[Any]) -> list[str]:
    return [Path(hit.place.source).name for hit in found]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Write an index of three photos and of a video with two tracks, in two parts."""
    folder = tmp_path / "album" / building.HERE
    rows = [row("a.jpg"), row("b.jpg"), row("c.jpg")]
    first = store.append(
        folder, about(), part([[1, 0], [0, 1], [0.6, 0.8]], [[0.5, 0.2, 1], [0.5, 0.9, 1], [1, 0.5, 1]], rows)
    )
    video = [row("m.mp4", 0.1, 0), row("m.mp4", 0.6, 0), row("m.mp4", 1.2, 0), row("m.mp4", 0.1, 1)]
    scores = [[0, 0.95, 0], [0, 0.97, 0], [0, 0.96, 0], [0, 0.1, 0]]
    store.append(folder, first, part([[-1, 0], [0.8, 0.6], [0.8, 0.6], [0, -1]], scores, video))
    return folder


def test_words_rank_as_computed_by_hand(small: Path) -> None:
    found = Index.open(small).search("smile", 3)
    assert [(hit.rank, names([hit])[0], hit.place.time_s) for hit in found] == [
        (1, "m.mp4", 0.6),  # 0.97; at 0.1 s the same track has 0.95 in the same second
        (2, "m.mp4", 1.2),
        (3, "b.jpg", 0.0),
    ]
    assert [hit.score for hit in found] == pytest.approx([0.97, 0.96, 0.9])
    assert found[2].face_size == 30 and found[0].row()["source"] == str(small.parent / "m.mp4")
    assert names(Index.open(small).search("smile", 3, per_track=True)) == ["m.mp4", "b.jpg", "c.jpg"]
    broad = Index.open(small).search("big smile", 2)  # AU 6+12+25
    assert [(names([hit])[0], hit.score) for hit in broad] == [("c.jpg", 0.5), ("b.jpg", pytest.approx(0.45))]


def test_an_embedding_ranks_by_cosine_and_beside_words_multiplies(small: Path) -> None:
    index = Index.open(small)
    found = index.search(np.array([2.0, 0.0]), 4)  # of any length
    assert [hit.score for hit in found] == pytest.approx([1, 0.8, 0.8, 0.6], abs=1e-3)
    assert names(found) == ["a.jpg", "m.mp4", "m.mp4", "c.jpg"]
    both = index.search("smile", 20, like=np.array([0.0, 1.0]))
    assert names(both)[:2] == ["b.jpg", "m.mp4"] and both[0].score == pytest.approx(0.9)
    assert both[-1].score == 0  # a negative cosine counts as 0
    own = Place(str(small.parent / "a.jpg"), 0, 0.0, None, None, Box(1, 2, 30, 30))
    assert "a.jpg" not in names(index.search(np.array([1.0, 0.0]), without=own))


@pytest.mark.parametrize("threads", [1, 2])
def test_the_answer_is_that_of_comparing_with_every_face(tmp_path: Path, threads: int) -> None:
    random, width, count = np.random.default_rng(0), 16, 3 * store.CHUNK + 77
    made = random.normal(size=(count, width))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    scores, rows = random.uniform(size=(count, 3)), [row(f"{number}.jpg") for number in range(count)]
    first = store.append(tmp_path, about(width), part(made[:9000], scores[:9000], rows[:9000]))
    store.append(tmp_path, first, part(made[9000:], scores[9000:], rows[9000:]))
    index, query = Index.open(tmp_path), made[5] + 0.1
    stored = made.astype(np.float16).astype(np.float64) @ (query / np.linalg.norm(query))
    found = index.search(query, 100, threads=threads)
    assert names(found) == [f"{number}.jpg" for number in np.argsort(-stored, kind="stable")[:100]]
    assert [hit.score for hit in found] == pytest.approx(np.sort(stored)[::-1][:100], abs=1e-6)
    smiles = names(index.search("smile", 100, threads=threads))
    assert smiles == [f"{number}.jpg" for number in np.argsort(-scores[:, 1].astype(np.float32), kind="stable")[:100]]


def test_equal_faces_keep_their_order_and_one_track_does_not_hide_the_rest(tmp_path: Path) -> None:
    rows = [*(row("m.mp4", 0.001 * number, 0) for number in range(500)), row("b.jpg"), row("a.jpg")]
    scores = [*([[0, 0.9, 0]] * 500), [0, 0.5, 0], [0, 0.5, 0]]
    store.append(tmp_path, about(), part(np.tile([1.0, 0.0], (502, 1)), scores, rows))
    assert names(Index.open(tmp_path).search("smile", 3)) == ["m.mp4", "b.jpg", "a.jpg"]


def test_arrays_are_mapped_and_stay_whole_while_others_are_appended(small: Path) -> None:
    before = Index.open(small)
    assert isinstance(before._parts[0].embeddings, np.memmap) and before._parts[0].embeddings.dtype == np.float16
    store.append(small, before.about, part([[0, 1]], [[1, 1, 1]], [row("d.jpg")]))
    assert (len(before), len(Index.open(small))) == (7, 8)
    assert names(Index.open(small).search("smile", 1)) == ["d.jpg"] != names(before.search("smile", 1))


def test_an_index_that_somebody_else_wrote_meanwhile_is_not_overwritten(small: Path) -> None:
    stale = store.read_about(small)
    store.append(small, stale, part([[0, 1]], [[1, 1, 1]], [row("d.jpg")]))
    with pytest.raises(OutputError, match="another process"):
        store.append(small, stale, part([[0, 1]], [[1, 1, 1]], [row("e.jpg")]))


@pytest.mark.parametrize("harm", ["json", "format", "short", "gone", "width", "text"])
def test_a_damaged_index_is_refused_in_one_line(small: Path, harm: str) -> None:
    one = small / "part-000001"
    text = (small / store.ABOUT).read_text(encoding="utf-8")
    if harm == "json":
        (small / store.ABOUT).write_text("{", encoding="utf-8")
    elif harm == "format":
        (small / store.ABOUT).write_text(text.replace('"format": 1', '"format": 9'), encoding="utf-8")
    elif harm == "short":
        (one / store.EMBEDDINGS).write_bytes((one / store.EMBEDDINGS).read_bytes()[:-2])
    elif harm == "gone":
        shutil.rmtree(one)
    elif harm == "width":
        (small / store.ABOUT).write_text(text.replace('"width": 2', '"width": 3'), encoding="utf-8")
    else:
        (one / store.ROWS).write_text("rows")
    with pytest.raises(InputError, match="no index that can be read") as caught:
        Index.open(small)
    assert "\n" not in str(caught.value) and "remove the folder" in str(caught.value)


def test_no_index_and_a_query_of_another_width_are_refused(small: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no index"):
        Index.open(tmp_path)
    with pytest.raises(InputError, match=r"shape \(2,\) here, not \(3,\)"):
        Index.open(small).search(np.ones(3))
    with pytest.raises(InputError, match="nothing to search for"):
        Index.open(small).search(None)


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bright_model(tmp_path_factory.mktemp("models") / "bright").path


@pytest.fixture
def analyzer(bright: Path) -> Analyzer:
    return Analyzer(bright, detector=Middle(), threads=1)


def grey(path: Path, level: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((48, 64, 3), level, np.uint8)).save(path)
    return path


@pytest.fixture
def album(tmp_path: Path) -> Path:
    for name, level in (("a.png", 90), ("b.png", 250), ("deep/c.png", 170)):
        grey(tmp_path / "album" / name, level)
    return tmp_path / "album"


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which files are measured."""
    measured: list[str] = []
    original = building.faces_of

    def noted(analyzer: Analyzer, medium: Any, *rest: Any) -> Any:
        measured.append(Path(medium.name).name)
        return original(analyzer, medium, *rest)

    monkeypatch.setattr(building, "faces_of", noted)
    return measured


def test_a_folder_is_measured_once(analyzer: Analyzer, album: Path, seen: list[str]) -> None:
    first = Index.build(analyzer, album)
    assert names(first.search("smile")) == ["b.png", "c.png", "a.png"] and seen == ["a.png", "b.png", "c.png"]
    again = Index.build(analyzer, album)
    assert len(seen) == 3 and again.search("smile") == first.search("smile")
    assert Index.open(album / building.HERE).search("smile") == first.search("smile")


def test_an_index_moves_with_its_folder(analyzer: Analyzer, album: Path, seen: list[str]) -> None:
    Index.build(analyzer, album)
    moved = album.rename(album.with_name("elsewhere"))
    assert Index.build(analyzer, moved).search("smile")[0].place.source == str(moved / "b.png")
    assert len(seen) == 3


def test_changed_new_and_removed_files_are_noticed(analyzer: Analyzer, album: Path, seen: list[str]) -> None:
    Index.build(analyzer, album)
    grey(album / "a.png", 255)
    os.utime(album / "a.png", ns=(1, 1))
    (album / "b.png").unlink()
    grey(album / "d.png", 60)
    assert names(Index.build(analyzer, album).search("smile")) == ["a.png", "c.png", "d.png"]
    assert seen[3:] == ["a.png", "d.png"]
    assert names(Index.open(album / building.HERE).search("smile")) == ["a.png", "c.png", "d.png"]


def test_a_file_that_went_bad_is_told_and_its_old_faces_do_not_count(analyzer: Analyzer, album: Path) -> None:
    Index.build(analyzer, album)
    (album / "b.png").write_bytes(b"no picture")
    told: list[str] = []
    index = Index.build(analyzer, album, told=lambda name, error: told.append(Path(name).name))
    assert told == ["b.png"] and names(index.search("smile")) == ["c.png", "a.png"]
    with pytest.raises(InputError, match=r"b\.png"):
        Index.build(analyzer, album)


def test_an_interrupted_run_goes_on_with_the_files_not_yet_done(
    analyzer: Analyzer, album: Path, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = building.faces_of

    def stopped(analyzer: Analyzer, medium: Any, *rest: Any) -> Any:
        if medium.name.endswith("c.png"):
            raise KeyboardInterrupt
        return noted(analyzer, medium, *rest)

    monkeypatch.setattr(building, "faces_of", stopped)
    with pytest.raises(KeyboardInterrupt):
        Index.build(analyzer, album)
    (album / building.HERE / ".part-000002.part1").mkdir()  # what a killed run leaves
    (album / building.HERE / "part-000009").mkdir()
    monkeypatch.setattr(building, "faces_of", noted)
    assert names(Index.build(analyzer, album).search("smile")) == ["b.png", "c.png", "a.png"]
    assert seen == ["a.png", "b.png", "c.png"]
    assert sorted(path.name for path in (album / building.HERE).iterdir()) == [
        store.ABOUT,
        LOCK,
        "part-000001",
        "part-000002",
    ]


def test_many_parts_become_one_that_answers_the_same(analyzer: Analyzer, album: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(building, "_FACES", 1)
    apart = Index.build(analyzer, album)
    monkeypatch.setattr(building, "_MOST_PARTS", 2)
    (album / "a.png").unlink()
    together = Index.build(analyzer, album)
    assert (len(apart.about.parts), len(together.about.parts), len(together)) == (3, 1, 2)
    assert together.search("smile") == apart.search("smile")[:2]
    assert [path.name for path in (album / building.HERE).glob("part-*")] == list(together.about.parts)


def test_a_part_of_the_files_is_searched_and_the_others_stay(analyzer: Analyzer, album: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    Index.build(analyzer, album, folder)
    assert names(Index.build(analyzer, album / "deep", folder).search("smile")) == ["c.png"]
    assert len(Index.open(folder)) == 3


def test_videos_give_a_sample_each_second_and_track(analyzer: Analyzer, tmp_path: Path) -> None:
    write_video(tmp_path / "m.mp4", regular(50), (64, 48), picture=lambda number: bar_code(number, (64, 48)))
    index = Index.build(analyzer, tmp_path / "m.mp4")
    found = index.search("smile")
    assert sorted(int(hit.place.time_s) for hit in found) == [0, 1]
    assert {hit.place.track for hit in found} != {None}
    with pytest.raises(InputError, match=r"every 1 s of videos, not every 0\.5 s"):
        Index.build(analyzer, tmp_path / "m.mp4", every=0.5)


def test_the_index_of_another_model_is_refused_in_one_line(analyzer: Analyzer, album: Path) -> None:
    Index.build(analyzer, album)
    file = album / building.HERE / store.ABOUT
    content = json.loads(file.read_text(encoding="utf-8")) | {"digest": "0" * 64, "model": "other"}
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match="is of model 'other'") as caught:
        Index.build(analyzer, album)
    assert "\n" not in str(caught.value)


def test_files_of_several_folders_need_a_place_for_their_index(album: Path) -> None:
    assert home([str(album)]) == home([str(album / "a.png"), str(album / "b.png")]) == album / building.HERE
    with pytest.raises(InputError, match="--index DIR"):
        home([str(album), str(album / "deep")])


def test_of_a_video_that_breaks_off_the_readable_part_is_kept_and_that_is_told_each_time(
    analyzer: Analyzer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    write_video(folder / "m.mp4", regular(50), (64, 48), picture=lambda number: bar_code(number, (64, 48)))
    tracked = Analyzer.tracked

    def broken(self: Analyzer, *rest: Any) -> Any:
        yield next(tracked(self, *rest))
        raise TruncatedVideo("m.mp4 broke off")

    monkeypatch.setattr(Analyzer, "tracked", broken)
    for _ in range(2):
        told: list[Any] = []
        index = Index.build(analyzer, folder, told=lambda name, error, told=told: told.append(error))
        assert len(index) == 1 and [type(error) for error in told] == [TruncatedVideo]
