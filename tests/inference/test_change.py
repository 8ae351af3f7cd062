from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from graphs import write_affect_model, write_model
from jobs import Counting, Middle, files, run, statuses
from media import cut_file, regular, write_video
from PIL import Image

from kaoiro import Analyzer
from kaoiro.core.codec import read_rows, write
from kaoiro.core.errors import InputError, TruncatedVideo
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import CHANGED, Box, Record, changed, expression_column, smoothed
from kaoiro.inference.change import AUTO, Rest, TrackRests, changes
from kaoiro.inference.curves import CHANGE, Curves
from kaoiro.inference.job import Job, Options
from kaoiro.inference.media import discover
from kaoiro.inference.plot import figure

HAPPY, CALM = expression_column("happiness"), expression_column("neutral")
SIZE = (64, 48)


def record(time_s: float, track: int | None, happy: float, **further: float) -> Record:
    scores = {expression_column(label): 0.0 for label in EXPRESSIONS.labels}
    scores |= {HAPPY: happy, CALM: 1 - happy} | further
    return Record("a.mp4", round(time_s * 10), time_s, track, 0.9, Box(0, 0, 9, 9), scores=scores)


def change(records, name: str = HAPPY) -> list[float | None]:
    return [one.scores.get(changed(name)) for one in records]


def test_a_change_is_the_difference_of_each_score_from_the_rest() -> None:
    rest = Rest({HAPPY: 0.25, CALM: 0.75, "valence": -0.5, "au_12": 0.125})
    (made,) = changes([record(0, 1, 0.75, valence=0.25, au_12=0.5, au_06=1.0)], rest)
    assert {name: value for name, value in made.scores.items() if name.endswith("_change")} == {
        changed(HAPPY): 0.5,
        changed(CALM): -0.5,
        "valence_change": 0.75,
        "au_12_change": 0.375,
    }
    assert made.row()["au_06_change"] is None  # the rest does not know it
    assert made.scores[HAPPY] == 0.75


def test_nothing_is_added_without_a_baseline_and_to_rows_without_a_face() -> None:
    rest, nobody = Rest({HAPPY: 0.25}), Record("a.mp4", 0, 0.0)
    assert list(changes([nobody], rest)) == [nobody]
    assert list(changes([nobody], AUTO)) == [nobody]
    plain = [record(0, 1, 0.75)]
    assert list(changes(plain, None)) == plain


def test_the_rest_of_measurements_is_their_median_and_changes_add_up_to_nothing() -> None:
    values = np.full((3, len(CHANGED)), np.nan)
    values[:, :8] = 0
    values[:, CHANGED.index(HAPPY)], values[:, CHANGED.index(CALM)] = [0.2, 0.1, 0.9], [0.8, 0.9, 0.1]
    rest = Rest.of(values)
    assert set(rest.scores) == set(CHANGED[:8])
    assert rest.scores[HAPPY] == pytest.approx(0.2)
    made = rest.applied(record(0, 1, 0.6))
    assert sum(made.scores[changed(expression_column(label))] for label in EXPRESSIONS.labels) == pytest.approx(0)


def recording(rests: dict[int, float], seconds: float = 20.0) -> list[Record]:
    """Return records of faces that smile for the middle half of the time."""
    times = [frame / 10 for frame in range(round(seconds * 10))]
    return [
        record(time_s, track, 0.9 if 0.25 < time_s / seconds < 0.75 else happy)
        for time_s in times
        for track, happy in rests.items()
    ]


def test_auto_finds_the_rest_of_each_track_apart() -> None:
    records = recording({4: 0.1, 7: 0.4})
    made = list(changes(records, AUTO))
    assert [dataclasses.replace(one, scores={}) for one in made] == [
        dataclasses.replace(one, scores={}) for one in records
    ]
    for track, rest in ((4, 0.1), (7, 0.4)):
        own = [one for one in made if one.track == track]
        assert change(own) == pytest.approx([one.scores[HAPPY] - rest for one in own])


def test_auto_names_tracks_that_are_too_short_and_leaves_them_empty() -> None:
    records = recording({0: 0.1}) + [record(30 + second, 5, 0.9) for second in range(6)]
    notes: list[str] = []
    made = list(changes(records, AUTO, notes))
    assert set(change(made[-6:])) == {None}
    assert None not in change(made[:-6])
    assert notes == [
        "no resting face for track 5: seen in fewer than 10 stretches of 1 s; its changes stay empty",
    ]
    many = TrackRests(dict.fromkeys(range(10)))
    assert many.note.startswith("no resting face for tracks 0, 1, 2, 3, 4, 5, 6, 7 and 2 more: seen")


def test_auto_keeps_what_could_be_read_of_a_video_that_broke_off() -> None:
    def broken() -> Iterator[Record]:
        yield from recording({1: 0.1})
        raise TruncatedVideo("a.mp4: breaks off")

    made = []
    with pytest.raises(TruncatedVideo, match="breaks off"):
        for one in changes(broken(), AUTO):
            made.append(one)
    assert len(made) == 200
    assert change(made)[0] == pytest.approx(0)


# from files


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model that says: the brighter, the happier (logits of happiness 0 to 4, of all others 0)."""
    slope = [0.0] * 8
    slope[3] = 4.0
    return write_model(tmp_path_factory.mktemp("models") / "bright", [0.0] * 8, slope).path


def happiness(brightness: float) -> float:
    return float(np.exp(4 * brightness) / (np.exp(4 * brightness) + 7))


@pytest.fixture
def analyzer(bright: Path) -> Counting:
    return Counting(bright, detector=Middle(), threads=1)


def grey(level: int) -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 3), level, np.uint8)


def photo(path: Path, level: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey(level)).save(path)
    return path


def film(path: Path, levels: list[int]) -> Path:
    """Write a video of four frames a second; a level of 0 shows nobody."""
    return write_video(path, regular(len(levels), 4.0), SIZE, picture=lambda number: grey(levels[number]))


DAY = [102] * 20 + [204] * 20 + [0] * 2 + [102] * 8


def test_a_photo_is_a_baseline(analyzer, tmp_path):
    rest = analyzer.rest(photo(tmp_path / "rest.png", 102))
    assert rest.scores[HAPPY] == pytest.approx(happiness(0.4), abs=1e-6)
    (face,) = analyzer.image(photo(tmp_path / "a.png", 204), name="a", baseline=tmp_path / "rest.png")
    assert face.scores[changed(HAPPY)] == pytest.approx(happiness(0.8) - happiness(0.4), abs=1e-6)
    (face,) = analyzer.image(tmp_path / "rest.png", name="a", baseline=rest)
    assert face.scores[changed(HAPPY)] == pytest.approx(0, abs=1e-9)
    assert analyzer.rest(rest) is rest


def test_a_picture_has_no_rest_of_its_own(analyzer, tmp_path):
    with pytest.raises(InputError, match="baseline of a picture must be a file or a resting face, not auto"):
        analyzer.image(photo(tmp_path / "a.png", 99), name="a", baseline="auto")


def test_a_video_and_a_folder_are_baselines_by_their_medians(analyzer, tmp_path):
    video = film(tmp_path / "rest.mp4", [102] * 9 + [255] * 3 + [0])
    assert analyzer.rest(video).scores[HAPPY] == pytest.approx(happiness(0.4), abs=0.01)
    for number, level in enumerate((51, 102, 240)):
        photo(tmp_path / "rests" / f"{number}.png", level)
    assert analyzer.rest(tmp_path / "rests").scores[HAPPY] == pytest.approx(happiness(0.4), abs=1e-6)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_a_table_of_records_is_a_baseline(analyzer, tmp_path, suffix):
    analyzer.video(film(tmp_path / "rest.mp4", [102] * 9), name="rest.mp4").write(tmp_path / f"rest.{suffix}")
    analyzer.asked.clear()
    rest = analyzer.rest(tmp_path / f"rest.{suffix}")
    assert analyzer.asked == []
    assert rest.scores[HAPPY] == pytest.approx(happiness(0.4), abs=0.01)
    assert rest.notes == ()


def test_of_several_people_the_longest_track_and_the_largest_face_count(analyzer, tmp_path):
    table = tmp_path / "many.csv"
    write([record(t / 10, track, 0.25 + 0.5 * track) for t in range(20) for track in (0, 1) if t < 5 or track], table)
    rest = analyzer.rest(table)
    assert rest.scores[HAPPY] == pytest.approx(0.75)
    assert rest.notes == (f"{table}: the longest track is the baseline; 5 of 25 faces were left out",)
    small = dataclasses.replace(record(0, None, 0.5), box=Box(0, 0, 2, 2))
    write([small, record(0, None, 0.125)], table)
    rest = analyzer.rest(table)
    assert rest.scores[HAPPY] == pytest.approx(0.125)
    assert rest.notes == (f"{table}: the largest face is the baseline; 1 of 2 faces were left out",)


def test_baselines_that_cannot_be_used(analyzer, tmp_path):
    photo(tmp_path / "black.png", 0)
    (tmp_path / "text.jpg").write_text("nothing")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "bad.parquet").write_bytes(b"nothing")
    (tmp_path / "bad.jsonl").write_text("{")
    write([Record("a", 0, 0.0)], tmp_path / "nobody.csv")
    for name, reason in {
        "black.png": "black.png: no face found; a baseline shows the person's face at rest",
        "nobody.csv": "nobody.csv: no face found",
        "gone.jpg": "gone.jpg: no such file or folder",
        "gone.csv": "gone.csv: cannot be read: No such file or directory",
        "text.jpg": "text.jpg: not a picture",
        "other.csv": "other.csv lacks the columns source, frame, expression_anger",
        "bad.parquet": "bad.parquet: not a table that can be read",
        "bad.jsonl": "bad.jsonl: not a table that can be read",
    }.items():
        with pytest.raises(InputError, match=reason):
            analyzer.rest(tmp_path / name)


def test_a_recording_has_changes_in_every_form(analyzer, tmp_path):
    video = film(tmp_path / "a.mp4", DAY)
    recorded = analyzer.video(video, name="a", baseline="auto")
    rows = list(recorded)
    assert change(rows)[41] is None and not rows[41].has_face
    smiles, rests = np.array(change(rows)[20:40], float), np.array(change(rows)[:20] + change(rows)[42:], float)
    assert np.abs(rests).max() < 0.01
    assert smiles == pytest.approx(happiness(0.8) - happiness(0.4), abs=0.02)
    assert recorded.notes == []
    assert change([one for _, found in recorded.frames() for one in found]) == change(rows)
    assert change([one for _, found in recorded.pictures() for one in found]) == change(rows)
    assert recorded.to_pandas()[changed(HAPPY)].isna().sum() == 2
    fixed = analyzer.video(video, name="a", baseline=photo(tmp_path / "rest.png", 102))
    assert np.array(change(fixed)[20:40], float) == pytest.approx(happiness(0.8) - happiness(0.4), abs=0.02)
    assert change([one for _, found in fixed.frames() for one in found]) == change(fixed)


def test_the_change_of_a_smoothed_curve_follows_from_the_columns(analyzer, tmp_path):
    for one in analyzer.video(film(tmp_path / "a.mp4", DAY), name="a", baseline="auto"):
        if one.has_face:
            rest = one.scores[HAPPY] - one.scores[changed(HAPPY)]
            assert rest == pytest.approx(happiness(0.4), abs=0.01)
            assert smoothed(HAPPY) in one.scores


def test_a_short_recording_says_that_it_has_no_rest(analyzer, tmp_path):
    recorded = analyzer.video(film(tmp_path / "a.mp4", DAY[:20]), name="a", baseline="auto")
    assert set(change(recorded)) == {None}
    assert recorded.notes[0].startswith("no resting face for track 0")


# jobs


@pytest.fixture
def given(tmp_path: Path) -> Path:
    photo(tmp_path / "given" / "a.png", 204)
    film(tmp_path / "given" / "m.mp4", DAY)
    film(tmp_path / "given" / "short.mp4", DAY[:8])
    return tmp_path / "given"


def job(analyzer: Analyzer, given: Path, out: Path, baseline, **options):
    made = Job(analyzer, out, Options(**options), None, baseline)
    outcomes = [made.run(item) for item in discover([str(given)], skip=out)]
    made.combine()
    return outcomes


@pytest.mark.parametrize("options", [{}, {"overlay": True, "plot": True, "format": "parquet"}])
def test_a_job_writes_changes_and_goes_on_where_it_stopped(analyzer, given, tmp_path, options):
    rest = analyzer.rest(photo(tmp_path / "rest.png", 102))
    first = job(analyzer, given, tmp_path / "out", rest, **options)
    before = {name: (tmp_path / "out" / name).read_bytes() for name in files(tmp_path / "out")}
    table = tmp_path / "out" / first[0].outputs[0]
    expected = happiness(0.8) - happiness(0.4)
    assert next(read_rows(table))[changed(HAPPY)] == pytest.approx(expected, abs=1e-5)
    analyzer.asked.clear()
    assert statuses(job(analyzer, given, tmp_path / "out", rest, **options)) == ["skipped"] * 3
    assert analyzer.asked == []
    assert {name: (tmp_path / "out" / name).read_bytes() for name in files(tmp_path / "out")} == before
    other = analyzer.rest(photo(tmp_path / "rest.png", 104))
    assert statuses(job(analyzer, given, tmp_path / "out", other, **options)) == ["complete"] * 3
    assert statuses(job(analyzer, given, tmp_path / "out", AUTO, **options)) == ["complete"] * 3
    assert statuses(run(analyzer, given, tmp_path / "out", **options)) == ["complete"] * 3


def test_an_interrupted_job_ends_with_the_same_tables(analyzer, given, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    job(analyzer, given, whole, AUTO)
    stopped = Job(analyzer, parts, Options(), None, AUTO)
    stopped.run(next(iter(discover([str(given)]))))
    assert statuses(job(analyzer, given, parts, AUTO)) == ["skipped", "complete", "complete"]
    for name in ("m.mp4.csv", "a.png.csv", "all.csv"):
        assert (whole / name).read_bytes() == (parts / name).read_bytes()


def test_auto_in_a_job_leaves_photos_and_short_videos_empty_and_says_so(analyzer, given, tmp_path):
    out = tmp_path / "out"
    outcomes = job(analyzer, given, out, AUTO, plot=True, overlay=True)
    assert [outcome.note[:31] for outcome in outcomes] == ["", "", "no resting face for track 0: se"]
    rows = [list(read_rows(out / outcome.outputs[0])) for outcome in outcomes]
    assert [sum(row[changed(HAPPY)] is not None for row in table) for table in rows] == [0, 48, 0]
    assert [outcome.note for outcome in job(analyzer, given, out, AUTO, plot=True, overlay=True)] == [
        outcome.note for outcome in outcomes
    ]


def test_a_broken_video_keeps_its_changes(analyzer, tmp_path):
    whole = write_video(
        tmp_path / "whole.mkv", regular(80, 4.0), SIZE, picture=lambda number: grey(DAY[number % 40]), key_every=10
    )
    cut = cut_file(whole, 0.8, tmp_path / "cut.mkv")
    (outcome,) = job(analyzer, cut, tmp_path / "out", AUTO)
    assert outcome.status == "partial"
    rows = list(read_rows(tmp_path / "out" / "cut.mkv.csv"))
    assert len(rows) == outcome.rows > 40
    assert rows[0][changed(HAPPY)] == pytest.approx(0, abs=0.01)


def test_valence_and_units_change_too(tmp_path):
    model = write_affect_model(tmp_path / "affect", 0.5, {"au_12": 0.75}, brighter=1.0)
    analyzer = Analyzer(model.path, detector=Middle(), threads=1)
    (face,) = analyzer.image(grey(255), baseline=photo(tmp_path / "rest.png", 51))
    raw = np.arctanh(0.5)
    assert face.scores["valence_change"] == pytest.approx(np.tanh(raw + 1) - np.tanh(raw + 0.2), abs=1e-5)
    assert face.scores["arousal_change"] == pytest.approx(0, abs=1e-6)
    assert face.scores["au_12_change"] == pytest.approx(0, abs=1e-6)
    assert "valence_sd_change" not in face.row()


# figures


def test_a_figure_draws_changes_if_there_are_any():
    records = list(changes(recording({1: 0.1, 2: 0.3}), AUTO))
    plain = figure(recording({1: 0.1, 2: 0.3}), "title")
    assert figure(records, "title").height == plain.height + 2 * (30 + 120)
    brief = [*records, *(record(30 + second, 5, 0.9) for second in range(3))]
    assert figure(brief, "title").height == plain.height + 2 * 150 + (plain.height - 108) // 2 + 150


def test_what_is_drawn_is_the_change_of_the_smoothed_curve():
    plain = list(changes(recording({1: 0.2}), AUTO))
    smooth = dataclasses.replace(plain[0], scores={**plain[0].scores, smoothed(HAPPY): 0.5})
    curves = Curves(True)
    for one in (smooth, plain[1]):
        curves.add(one)
    ((_, rows, _),) = curves.longest()
    column = CHANGE.start + EXPRESSIONS.index("happiness")
    assert rows[:, column] == pytest.approx([0.3, 0.0])
