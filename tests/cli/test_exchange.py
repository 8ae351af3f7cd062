from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from fake import exchange as fake
from fake.exchange import painted
from jobs import Middle
from media import cut_file, regular, write_video
from PIL import Image

import kaoiro
from kaoiro.cli.main import main
from kaoiro.core.types import Box
from kaoiro.faces.detect import Detection
from kaoiro.inference import exchange

SIDE = 64


class Quick(Middle):
    """Takes the middle of every picture that is not black for a face; of wide ones, the middles of both halves."""

    thread_safe = True

    def __init__(self, threads: int | None = None) -> None:
        pass

    def detect(self, image: np.ndarray) -> list[Detection]:
        height, width = image.shape[:2]
        if width < 2 * height or image.max() <= 40:
            return super().detect(image)
        large = Detection(Box(width / 8, height / 4, width / 4, height / 2), 0.75)
        small = Detection(Box(width * 0.65, height * 0.3, width / 5, height * 0.4), 0.5)
        return [large, small]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(exchange, "CenterFace", Quick)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake.write(tmp_path_factory.mktemp("exchange"))


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], model: Path) -> Callable[..., tuple[int, str, str]]:
    """Return a function that runs a command and returns exit code, output and messages."""

    def called(*argv: Any, model: Path | None = model) -> tuple[int, str, str]:
        chosen = [] if model is None else ["--model", str(model)]
        code = main([*map(str, argv), *chosen])
        return code, *capsys.readouterr()

    return called


def photo(path: Path, *colours: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(painted(*colours, side=SIDE)).save(path)
    return path


@pytest.fixture
def ann(tmp_path: Path) -> Path:
    return photo(tmp_path / "ann.png", 255, 0, 51, 102)


@pytest.fixture
def bob(tmp_path: Path) -> Path:
    return photo(tmp_path / "bob.png", 51, 204, 255, 153)


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """Write a picture of two people, ann large at the left and bob small at the right."""
    scene = np.concatenate([painted(255, 0, 51, 102, SIDE), painted(51, 204, 255, 153, SIDE)], axis=1)
    Image.fromarray(scene).save(tmp_path / "pair.png")
    return tmp_path / "pair.png"


def opened(path: Path) -> tuple[np.ndarray, dict[str, str]]:
    with Image.open(path) as picture:
        picture.load()
        return np.asarray(picture), dict(picture.text)  # pyright: ignore[reportAttributeAccessIssue]


def near(face: np.ndarray, *colours: int) -> bool:
    """Whether a face shows these colours; crops blend the two halves at their border."""
    return bool(np.abs(face.astype(int) - painted(*colours, side=len(face))).max() <= 40)


def test_a_swap_is_written_and_says_that_it_is_generated(call, ann, bob):
    code, said, messages = call("swap", ann, bob, "--out", "x.png")
    assert (code, said) == (0, "")
    assert messages == "kaoiro: x.png; it is generated\n"
    face, text = opened(Path("x.png"))
    assert face.shape == (8, 8, 3)
    assert near(face, 255, 0, 255, 153)
    assert text["Comment"] == "Made by kaoiro swap: a generated face. Nobody was photographed like this."
    assert text["Software"] == "kaoiro swap"
    assert re.fullmatch(r"paint-[0-9a-f]{8}", json.loads(text["Description"])["model"])
    assert call("swap", bob, ann)[0] == 0
    assert near(opened(Path("swap.png"))[0], 51, 204, 51, 102)


def test_a_swap_as_strong_as_it_is_asked_for(call, ann, bob, capsys):
    assert call("swap", ann, bob, "--out", "x.png", "--strength", "0")[0] == 0
    face, text = opened(Path("x.png"))
    assert near(face, 255, 0, 51, 102)
    assert json.loads(text["Description"])["strength"] == 0
    for wrong in ("-1", "3.1", "nan"):
        with pytest.raises(SystemExit) as stopped:
            call("swap", ann, bob, f"--strength={wrong}")
        assert stopped.value.code == 2
        said = f"argument --strength: must be a number from 0 to {exchange.STRONGEST:g}, not {wrong}\n"
        assert said.strip() in capsys.readouterr().err


def test_a_model_names_how_strongly_it_carries_over(call, ann, bob, tmp_path):
    folder = fake.write(tmp_path / "strong")
    exchange.write(folder, exchange.read(folder).model_copy(update={"strength": 0.5}))
    assert call("swap", ann, bob, "--out", "x.png", model=folder)[0] == 0
    face, text = opened(Path("x.png"))
    assert near(face, 255, 0, 153, 127.5)
    assert json.loads(text["Description"])["strength"] == 0.5
    assert call("interpolate", ann, bob, "--steps", "2", "--out", "way.png", model=folder)[0] == 0
    assert json.loads(opened(Path("way.png"))[1]["Description"])["strength"] == 0.5
    last = exchange.Exchanger(folder).interpolate(painted(255, 0, 51, 102), painted(51, 204, 255, 153), 2)[-1]
    assert near(last, 255, 0, 153, 127.5)


def test_a_swap_beside_what_it_was_made_of(call, ann, bob):
    assert call("swap", ann, bob, "--beside", "--out", "deep/x.png")[0] == 0
    sheet, text = opened(Path("deep/x.png"))
    assert sheet.shape[1] == 3 * 96
    assert "generated" in text["Comment"]


def test_of_several_faces_the_largest_is_taken_and_said(call, pair, bob):
    code, _, messages = call("swap", pair, bob, "--out", "x.png")
    assert code == 0
    assert f"kaoiro: {pair}: the largest of 2 faces is taken; choose by --face\n" in messages
    assert near(opened(Path("x.png"))[0], 255, 0, 255, 153)


def test_a_face_is_chosen_for_each_picture(call, pair):
    code, _, messages = call("swap", pair, pair, "--face", "1,0", "--out", "x.png")
    assert (code, messages) == (0, "kaoiro: x.png; it is generated\n")
    assert near(opened(Path("x.png"))[0], 51, 204, 51, 102)
    assert call("swap", pair, pair, "--face", "1", "--out", "x.png")[0] == 0
    assert near(opened(Path("x.png"))[0], 51, 204, 255, 153)


def test_an_interpolation_is_a_strip(call, ann, bob):
    code, _, messages = call("interpolate", ann, bob, "--steps", "5", "--out", "strip.png")
    assert (code, messages) == (0, "kaoiro: 5 steps in strip.png; they are generated\n")
    strip, text = opened(Path("strip.png"))
    assert strip.shape == (96 + 14, 5 * 96, 3)
    assert "kaoiro interpolate" in text["Comment"] and json.loads(text["Description"])["steps"] == 5
    upper = [int(strip[14 + 20, 96 * step + 48, 2]) for step in range(5)]
    assert np.abs(np.diff(upper) - 51).max() <= 8  # from 51 to 255
    assert np.ptp(strip[14 + 20, 48::96, 0].astype(int)) <= 2  # the identity stays


def test_an_interpolation_is_a_video(call, ann, bob):
    assert call("interpolate", ann, bob, "--steps", "7", "--rate", "5", "--out", "x.mp4")[0] == 0
    with av.open("x.mp4") as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert "Made by kaoiro interpolate: a generated face" in container.metadata["comment"]
        assert float(container.streams.video[0].average_rate) == pytest.approx(5, abs=0.5)
    assert (len(frames), frames[0].shape) == (7, (256, 256, 3))
    assert frames[-1][64, 128, 2] - frames[0][64, 128, 2].astype(int) > 150


BAD = [
    (["swap", "{black}", "{ann}"], "{black}: no face found"),
    (["swap", "{ann}", "nothing.jpg"], "nothing.jpg: cannot be read: No such file or directory"),
    (["swap", "{ann}", "{text}"], "{text}: not a picture that can be read, or a damaged one"),
    (["swap", "{ann}", "{ann}", "--out", "x.jpg"], "--out x.jpg: the name must end in .png"),
    (["swap", "{ann}", "{ann}", "--face", "0,1"], "{ann}: there is no face 1; it shows only face 0"),
    (["interpolate", "{ann}", "{ann}", "--steps", "1"], "--steps must be 2 or more, not 1"),
    (
        ["interpolate", "{ann}", "{ann}", "--steps", "201"],
        "--steps must be 200 or less in a PNG, not 201; an MP4 takes",
    ),
    (["interpolate", "{ann}", "{ann}", "--out", "x.gif"], "--out x.gif: the name must end in .png or .mp4"),
    (["interpolate", "{ann}", "{ann}", "--rate", "5"], "--rate is for videos; let --out end in .mp4"),
    (["interpolate", "{black}", "{ann}", "--out", "x.mp4"], "{black}: no face found"),
    (["embed", "{ann}", "--out", "z.xlsx"], "--out z.xlsx: the name must end in .parquet, .csv or .jsonl"),
    (["similar", "{ann}", "{ann}", "--out", "x.mp4"], "--out x.mp4: the name must end in .png, .jpg, .jpeg"),
    (["similar", "{black}", "{ann}"], "{black}: no face found"),
    (["similar", "{ann}", "gone.parquet"], "gone.parquet: cannot be read: No such file or directory"),
    (["similar", "{ann}", "{table}"], "{table} is not a table that kaoiro embed wrote: it lacks source, frame"),
    (["similar", "{ann}", "{ann}"], "{ann}: no other face to compare with"),
]


@pytest.mark.parametrize(("argv", "reason"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_bad_input_is_one_line(call, tmp_path, ann, argv: Sequence[str], reason: str):
    places = {"ann": ann, "black": tmp_path / "black.png", "text": tmp_path / "text.jpg", "table": tmp_path / "t.csv"}
    Image.new("RGB", (SIDE, SIDE)).save(places["black"])
    places["text"].write_text("nothing")
    places["table"].write_text("a,b\n1,2\n")
    before = set(tmp_path.rglob("*"))
    code, said, messages = call(*(part.format(**places) for part in argv))
    assert (code, said) == (2, "")
    assert messages.splitlines()[-1].startswith(f"kaoiro: {reason.format(**places)}")
    assert messages.count("\n") == 1
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "argv",
    [["swap", "a", "b", "--face", "x"], ["swap", "a", "b", "--face", "1,2,3"], ["similar", "a", "b", "--n", "0"]],
)
def test_options_that_cannot_be_read(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 2
    assert "must be" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["swap", "{}", "{}"], ["interpolate", "{}", "{}"], ["embed", "{}"], ["similar", "{}", "."]]
)
def test_without_a_model_every_command_says_how_to_get_one(call, ann, tmp_path, monkeypatch, command):
    monkeypatch.setattr(exchange.resources, "files", lambda package: tmp_path)
    code, _, messages = call(*(part.format(ann) for part in command), model=None)
    assert code == 2
    assert messages.count("\n") == 1
    assert "train one (kaoiro train identity_expression improved --data.root SET)" in messages


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Write a folder with photos of ann and bob, one without a face, and a clip of a face that brightens in blue."""
    folder = tmp_path / "album"
    photo(folder / "ann" / "calm.png", 255, 0, 51, 102)
    photo(folder / "ann" / "wild.png", 250, 5, 204, 204)
    photo(folder / "bob" / "calm.png", 51, 204, 61, 112)
    photo(folder / "bob" / "wild.png", 56, 199, 255, 153)
    Image.new("RGB", (SIDE, SIDE)).save(folder / "nobody.png")
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Write a video of five frames, the fourth of which shows nobody."""

    def picture(number: int) -> np.ndarray:
        return np.zeros((SIDE, SIDE, 3), np.uint8) if number == 3 else painted(120, 120, *[100 + 30 * number] * 2, SIDE)

    return write_video(tmp_path / "clip.mp4", regular(5), (SIDE, SIDE), picture=picture)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_a_row_for_each_face_with_its_code(call, album, clip, suffix):
    code, said, messages = call("embed", album, clip, "--out", f"z.{suffix}")
    assert (code, said) == (0, "")
    assert f"kaoiro: no face found in {album / 'nobody.png'}\n" in messages
    assert messages.endswith(f"kaoiro: 8 faces of 6 inputs in z.{suffix}\n")
    readers = {"parquet": pd.read_parquet, "csv": pd.read_csv, "jsonl": lambda path: pd.read_json(path, lines=True)}
    table = readers[suffix](f"z.{suffix}")
    assert list(table) == [
        *("source", "frame", "time_s", "track", "face_score", "box_left", "box_top", "box_width", "box_height"),
        *("model", "z_00", "z_01"),
    ]
    assert [Path(source).name for source in table.source] == ["calm.png", "wild.png"] * 2 + ["clip.mp4"] * 4
    assert table.frame.tolist() == [0, 0, 0, 0, 0, 1, 2, 4]
    assert table.time_s.tolist() == pytest.approx([0, 0, 0, 0, 0, 0.04, 0.08, 0.16])
    assert table.track.isna().tolist() == [True] * 4 + [False] * 4
    assert table.track[4:].tolist() == [0] * 4
    assert table.z_00[:4].tolist() == pytest.approx([0.2, 0.8, 61 / 255, 1.0], abs=0.07)
    assert table.z_00[4:].is_monotonic_increasing
    assert table.face_score.unique().tolist() == [0.75]
    assert table.box_left.unique().tolist() == [16.0]


def test_codes_are_single_precision_in_parquet(call, ann):
    assert call("embed", ann)[0] == 0
    schema = pq.read_schema("z.parquet")
    assert {str(schema.field(name).type) for name in ("z_00", "z_01")} == {"float"}


def test_embeddings_in_python_are_the_same(call, album, clip, model):
    call("embed", album, clip)
    exchanger = kaoiro.Exchanger(model)
    made = kaoiro.embed(exchanger, [album, clip])
    table = pd.read_parquet("z.parquet")
    assert len(made) == len(table) == 8
    assert made.codes.identity.shape == (8, 2)
    pd.testing.assert_frame_equal(made.to_pandas(), table, check_dtype=False)


def test_in_python_files_that_cannot_be_used_are_errors_or_lines(album, model):
    (album / "bad.jpg").write_bytes(b"nothing")
    exchanger = kaoiro.Exchanger(model)
    with pytest.raises(kaoiro.KaoiroError, match=r"bad\.jpg: not a picture"):
        kaoiro.embed(exchanger, album)
    skipped: list[str] = []
    assert len(kaoiro.embed(exchanger, album, skipped=skipped)) == 4
    assert len(skipped) == 1 and "bad.jpg" in skipped[0]


def test_videos_may_be_sampled_and_faces_limited(call, clip, pair):
    assert call("embed", clip, pair, "--every", "0.08", "--max-faces", "1")[0] == 0
    table = pd.read_parquet("z.parquet")
    assert table.frame.tolist() == [0, 2, 4, 0]


def test_a_bad_file_is_told_and_the_others_are_done(call, album, tmp_path):
    (album / "bad.jpg").write_bytes(b"nothing")
    code, _, messages = call("embed", album, "gone.png")
    assert code == 2
    assert f"kaoiro: {album / 'bad.jpg'}: not a picture that can be read, or a damaged one\n" in messages
    assert "kaoiro: gone.png: no such file or folder\n" in messages
    assert len(pd.read_parquet("z.parquet")) == 4


def test_of_a_video_that_broke_off_the_readable_part_is_kept(call, tmp_path):
    whole = write_video(
        tmp_path / "whole.mkv", regular(100), (SIDE, SIDE), picture=lambda n: painted(99, 99, n, n, SIDE), key_every=10
    )
    cut = cut_file(whole, 0.6, tmp_path / "cut.mkv")
    code, _, messages = call("embed", cut)
    assert code == 3
    assert "kaoiro: " in messages and "cut.mkv: " in messages and "readable frames were kept" in messages
    assert 10 < len(pd.read_parquet("z.parquet")) < 100


def test_nothing_is_written_where_there_is_no_face(call, album, tmp_path):
    code, _, messages = call("embed", album / "nobody.png")
    assert code == 2
    assert messages.splitlines() == [
        f"kaoiro: no face found in {album / 'nobody.png'}",
        "kaoiro: no face found in 1 input; z.parquet is not written",
    ]
    assert not (tmp_path / "z.parquet").exists()


def test_a_table_that_cannot_be_written(call, ann, tmp_path):
    (tmp_path / "z.parquet").mkdir()
    code, _, messages = call("embed", ann)
    assert (code, messages) == (2, "kaoiro: cannot write z.parquet: Is a directory\n")


def found(said: str) -> list[tuple[str, str]]:
    document = json.loads(said)
    return [tuple(Path(match["source"]).parts[-2:]) for match in document["matches"]]


def test_the_nearest_expressions_are_found_whoever_shows_them(call, ann, album):
    code, said, messages = call("similar", ann, album, "--json", "--n", "3")
    assert code == 0
    assert found(said) == [("ann", "calm.png"), ("bob", "calm.png"), ("ann", "wild.png")]
    document = json.loads(said)
    assert (document["photo"], document["searched"]) == (str(ann), 4)
    assert [match["rank"] for match in document["matches"]] == [1, 2, 3]
    expected = [0, np.hypot(10 / 255, 10 / 255), np.hypot(153 / 255, 102 / 255)]
    assert [match["distance"] for match in document["matches"]] == pytest.approx(expected, abs=0.03)
    assert "no face found in" in messages


def test_a_table_of_embeddings_gives_the_same_answer(call, ann, album):
    for name in ("z.parquet", "z.csv", "z.jsonl"):
        call("embed", album, "--out", name)
        assert found(call("similar", ann, name, "--json", "--n", "3")[1]) == found(
            call("similar", ann, album, "--json", "--n", "3")[1]
        )


def test_people_get_a_table_to_read(call, ann, album):
    _, said, _ = call("similar", ann, album, "--n", "2")
    lines = said.splitlines()
    assert lines[0].split() == ["rank", "distance", "time_s", "track", "box", "source"]
    assert lines[1].split() == ["1", "0.0000", "-", "-", "32x32+16+16", str(album / "ann" / "calm.png")]
    assert len(lines) == 3


def test_the_photo_itself_is_no_answer(call, album):
    _, said, _ = call("similar", album / "ann" / "calm.png", album, "--json")
    assert ("ann", "calm.png") not in found(said)
    assert len(found(said)) == 3


def test_of_a_track_the_nearest_frame_counts(call, album, clip):
    photo(album / "query.png", 1, 1, 160, 160)
    _, said, _ = call("similar", album / "query.png", clip, "--json")
    (match,) = json.loads(said)["matches"]
    assert (match["frame"], match["track"]) == (2, 0)
    assert "0.08" in call("similar", album / "query.png", clip)[1]


def test_other_people_are_those_of_other_folders_where_identity_is_not_calibrated(call, album):
    _, said, messages = call("similar", album / "ann" / "calm.png", album, "--json", "--other-people")
    assert found(said) == [("bob", "calm.png"), ("bob", "wild.png")]
    assert "kaoiro: 1 face left out as the same person (the photo's own folder)\n" in messages


def test_other_people_are_told_by_identity_codes_where_that_is_calibrated(call, ann, album, tmp_path):
    knowing = fake.write(tmp_path / "knowing", same_person=0.1)
    _, said, messages = call("similar", ann, album, "--json", "--other-people", model=knowing)
    assert found(said) == [("bob", "calm.png"), ("bob", "wild.png")]
    assert "kaoiro: 2 faces left out as the same person (identity codes nearer than 0.1)\n" in messages


def test_where_nobody_can_tell_other_people_that_is_said(call, ann, album):
    call("embed", album / "bob")
    code, _, messages = call("similar", ann, "z.parquet", "--other-people")
    assert code == 2
    assert "who is another person cannot be told" in messages


def test_codes_of_another_model_are_refused(call, ann, album, tmp_path):
    call("embed", album)
    other = fake.write(tmp_path / "other", name="another")
    code, _, messages = call("similar", ann, "z.parquet", model=other)
    assert code == 2
    assert re.search(r"the embeddings are of paint-\w{8}, not of another-\w{8}; codes of two models differ", messages)


def test_tables_that_hold_no_embeddings(call, ann, album):
    call("embed", album, "--out", "z.csv")
    table = pd.read_csv("z.csv")
    table.drop(columns="z_00").to_csv("gap.csv", index=False)
    table.assign(model=["a", "b", "c", "d"]).to_csv("mixed.csv", index=False)
    table.assign(z_01=np.nan).to_csv("empty.csv", index=False)
    Path("broken.parquet").write_bytes(b"nothing")
    for name, reason in {
        "gap.csv": "it lacks z_00",
        "mixed.csv": "codes of several models (a, b, c, d)",
        "empty.csv": "has empty codes",
        "broken.parquet": "not a table that can be read",
    }.items():
        code, _, messages = call("similar", ann, name)
        assert (code, messages.count("\n")) == (2, 1)
        assert f"{name}" in messages and reason in messages


def middle(sheet: np.ndarray, row: int, column: int) -> list[int]:
    return sheet[8 + row * 202 + 40, 8 + column * 168 + 80].astype(int).tolist()


def test_a_sheet_shows_what_was_found(call, ann, album, clip):
    (album / "ann" / "wild.png").rename(album / "ann" / "wild2.png")
    call("embed", album, clip)
    (album / "ann" / "wild2.png").unlink()
    code, _, messages = call("similar", ann, "z.parquet", "--out", "sheet.png", "--n", "10")
    assert code == 0
    assert messages.endswith("kaoiro: 5 faces drawn in sheet.png\n")
    with Image.open("sheet.png") as picture:
        sheet = np.asarray(picture)
    assert sheet.shape[1] == 6 * 168 + 8
    assert middle(sheet, 0, 0) == pytest.approx([255, 0, 51], abs=3)
    assert middle(sheet, 0, 1) == pytest.approx([255, 0, 51], abs=3)
    assert middle(sheet, 0, 2) == pytest.approx([51, 204, 61], abs=3)
    assert [200, 200, 200] in [middle(sheet, 0, column) for column in range(6)]  # the file is gone
    frame = next(item for item in (middle(sheet, 0, column) for column in range(6)) if abs(item[0] - 120) < 8)
    assert frame[2] == pytest.approx(100, abs=8)  # its first frame is nearest


def test_a_sheet_of_faces_from_an_archive(call, ann, album, tmp_path):
    with zipfile.ZipFile(tmp_path / "album.zip", "w") as zipped:
        zipped.write(album / "bob" / "wild.png", "bob/wild.png")
    assert call("similar", ann, "album.zip", "--out", "sheet.jpg")[0] == 0
    with Image.open("sheet.jpg") as picture:
        assert middle(np.asarray(picture), 0, 1) == pytest.approx([56, 199, 255], abs=8)


def test_similar_in_python(ann, album, model):
    exchanger = kaoiro.Exchanger(model)
    answer = kaoiro.similar(exchanger, ann, album, n=2)
    assert [(match.rank, Path(match.place.source).name) for match in answer.matches] == [
        (1, "calm.png"),
        (2, "calm.png"),
    ]
    again = kaoiro.similar(exchanger, ann, kaoiro.embed(exchanger, album), n=2)
    assert again.matches == answer.matches


def test_progress_is_shown_on_a_terminal_only(call, album, monkeypatch):
    import sys

    assert "5/5" not in call("embed", album)[2]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert "5/5" in call("embed", album)[2]
