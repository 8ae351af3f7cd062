"""Columns of words wherever records go: pictures, videos, files, tables, resume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from graphs import write_bright_model
from jobs import Counting, Middle, run, statuses
from media import regular, write_video
from PIL import Image, ImageColor

from kaoiro.core import codec
from kaoiro.core.codec import NAMES, read_rows
from kaoiro.core.types import Record
from kaoiro.inference.affect_panels import HEADER
from kaoiro.inference.change import Rest
from kaoiro.inference.recording import read_recordings
from kaoiro.inference.word_panel import COLOURS, WORD_HEIGHT

SIZE = (64, 48)
WORDS = ("word_smile", "word_polite_smile", "word_smile_smooth", "word_polite_smile_smooth")


def grey(level: int) -> np.ndarray:
    return np.full((SIZE[1], SIZE[0], 3), level, np.uint8)


def lips(level: int) -> float:
    """Return what the model says of AU 12."""
    return float(1 / (1 + np.exp(-(8 * level / 255 - 4))))


@pytest.fixture(scope="session")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bright_model(tmp_path_factory.mktemp("models") / "bright").path


@pytest.fixture
def smiling(bright: Path) -> Counting:
    return Counting(bright, detector=Middle(), threads=1, classes="smile、polite smile")


@pytest.fixture
def plain(bright: Path) -> Counting:
    return Counting(bright, detector=Middle(), threads=1)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Write a bright photo, one without a face, and a video that gets brighter."""
    folder = tmp_path / "album"
    folder.mkdir()
    Image.fromarray(grey(204)).save(folder / "a.png")
    Image.fromarray(grey(0)).save(folder / "none.png")
    levels = [51] * 10 + [255] * 10
    write_video(folder / "m.mp4", regular(20, 10.0), SIZE, picture=lambda number: grey(levels[number]))
    return folder


def test_a_face_of_a_photo_has_the_words_scores(smiling, album):
    face = smiling.image(album / "a.png", name="a")[0]
    assert face.scores["word_smile"] == pytest.approx(face.scores["au_12"]) == pytest.approx(lips(204), abs=0.01)
    assert face.scores["word_polite_smile"] == pytest.approx(face.scores["au_12"] * 7 / 8)


def test_tables_of_photos_have_the_columns_also_without_a_face(smiling, album):
    for name, known in (("a.png", True), ("none.png", False)):
        table = smiling.image(album / name, name=name).to_pandas()
        assert list(table.columns) == [*NAMES, *WORDS]
        assert table["word_smile"].notna().tolist() == [known]
        assert table["word_smile_smooth"].isna().all()


def test_words_of_a_video_are_smoothed_over_time(smiling, album):
    table = smiling.video(album / "m.mp4", name="m").to_pandas()
    assert list(table.columns) == [*NAMES, *WORDS]
    assert table["word_smile"].iloc[[0, -1]].tolist() == pytest.approx([lips(51), lips(255)], abs=0.02)
    assert table["word_smile_smooth"].to_numpy() == pytest.approx(table["au_12_smooth"].to_numpy())
    assert smiling.video(album / "m.mp4", name="m", smooth="none").to_pandas()["word_smile_smooth"].isna().all()


def test_words_stay_beside_changes_from_rest(smiling, album):
    face = smiling.image(album / "a.png", name="a", baseline=Rest({"au_12": 0.5}))[0]
    assert face.scores["word_smile"] - face.scores["au_12_change"] == pytest.approx(0.5)


@pytest.mark.parametrize("kind", codec.FORMATS)
def test_columns_of_words_come_back_from_every_format(smiling, album, tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    assert smiling.image(album / "a.png", name="a").write(path) == 1
    row = next(read_rows(path))
    assert list(row) == [*NAMES, *WORDS]
    assert row["word_smile"] == pytest.approx(lips(204), abs=0.01)
    assert row["word_smile_smooth"] is None
    if kind == "parquet":
        assert pq.read_schema(path).field("word_smile").type == "double"


def test_other_words_may_stand_in_a_table_of_an_own_script(tmp_path):
    path = tmp_path / "a.csv"
    codec.write([Record("a", 0, 0.0, scores={"word_変顔": 0.25})], path, ["word_変顔"])
    assert next(read_rows(path))["word_変顔"] == 0.25


@pytest.mark.parametrize("kind", codec.FORMATS)
def test_joined_tables_have_the_words_of_all_media(smiling, album, out, kind):
    assert statuses(run(smiling, album, out, format=kind)) == ["complete"] * 3
    rows = list(read_rows(out / f"all.{kind}"))
    assert len(rows) == 22
    assert all(tuple(row)[-4:] == WORDS for row in rows)
    assert rows[-1]["word_smile"] is None, "no face"


def test_other_words_are_another_setting_and_are_measured_anew(bright, smiling, plain, album, out):
    run(smiling, album, out)
    assert statuses(run(smiling, album, out)) == ["skipped"] * 3
    assert statuses(run(plain, album, out)) == ["complete"] * 3
    assert list(next(read_rows(out / "all.csv"))) == list(NAMES)
    other = Counting(bright, detector=Middle(), threads=1, classes=["frown"])
    assert statuses(run(other, album, out)) == ["complete"] * 3
    assert list(next(read_rows(out / "all.csv")))[-2:] == ["word_frown", "word_frown_smooth"]
    assert statuses(run(other, album, out)) == ["skipped"] * 3


def test_an_entry_that_was_edited_is_measured_anew(bright, album, out, tmp_path):
    file = tmp_path / "mine.toml"
    for units, status in (("[12]", "complete"), ("[12]", "skipped"), ("[4, 12]", "complete")):
        file.write_text(f"[mine]\npresent = {units}\n", encoding="utf-8")
        analyzer = Counting(bright, detector=Middle(), threads=1, classes="mine", glossary=file)
        assert statuses(run(analyzer, album, out)) == [status] * 3


def test_commands_that_read_tables_pass_over_words(smiling, album, tmp_path):
    for kind in codec.FORMATS:
        table = tmp_path / f"m.{kind}"
        smiling.video(album / "m.mp4", name="m").write(table)
        assert [one.source for one in read_recordings(table)] == ["m"]
        assert smiling.rest(table).scores["au_12"] > 0


def test_folders_of_earlier_runs_without_words_still_hold(plain, album, out):
    run(plain, album, out)
    text = (out / "manifest.jsonl").read_text(encoding="utf-8")
    assert '\\"words\\"' not in text


def test_the_figure_of_a_video_has_a_panel_of_its_words(smiling, plain, album, out, tmp_path):
    run(smiling, album, out, plot=True)
    run(plain, album, tmp_path / "plain", plot=True)
    with Image.open(out / "m.mp4.plot.png") as figure, Image.open(tmp_path / "plain" / "m.mp4.plot.png") as other:
        assert figure.size[1] - other.size[1] == HEADER + WORD_HEIGHT
        assert ImageColor.getrgb(COLOURS[0]) in [colour for _, colour in figure.getcolors(1 << 24)]
        assert ImageColor.getrgb(COLOURS[0]) not in [colour for _, colour in other.getcolors(1 << 24)]
