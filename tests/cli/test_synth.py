from __future__ import annotations

import builtins
import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake.ict_face import write_assets, write_clone
from PIL import Image

pytest.importorskip("numba")

from kaoiro.cli import synth
from kaoiro.cli.main import main
from kaoiro.core.labels import FER2013
from kaoiro.data.datasets.synthetic import read
from kaoiro.synthesis.sets import NAMES


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_assets(tmp_path_factory.mktemp("assets")))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line with which a call is refused."""
    assert main(["synth", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("kaoiro: ")
    assert err.count("\n") == 1, err
    return err


def test_a_set_is_made_and_told_about_and_can_be_read(
    assets: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "büro"
    arguments = ["synth", "syn-swap", "--scale", "0.001", "--size", "32", "--seed", "3", "--jobs", "2"]
    assert main([*arguments, "--out", str(out), "--assets", assets]) == 0
    said, told = capsys.readouterr()
    described = json.loads((out / "set.json").read_text())
    assert said == f"{out}: 7 frames, 0.0 MB, sha256 {described['finished']['sha256']}\n"
    assert "kaoiro: syn-swap: 7 pictures to draw, about 0.0 MB" in told
    assert (described["seed"], described["scale"], described["size"]) == (3, 0.001, 32)
    faces = read(out).faces("further-test")
    assert faces.pixels.shape == (7, 32, 32, 3)
    assert set(faces.labels["expression"].tolist()) == set(range(7))


def test_the_assets_can_be_named_by_the_variable(
    assets: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KAOIRO_ICT_FACE", raising=False)
    assert "name their folder by --assets or KAOIRO_ICT_FACE" in refused(capsys, "syn-swap", "--out", str(tmp_path))
    monkeypatch.setenv("KAOIRO_ICT_FACE", assets)
    (tmp_path / "other").touch()
    assert "is not empty (other) and holds no set" in refused(capsys, "syn-swap", "--out", str(tmp_path))


def test_all_makes_each_set_in_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kaoiro.synthesis import generate as making

    made: list[tuple[str, str, bool]] = []

    def record(order: Any, out: Path, *_: Any, **__: Any) -> making.Made:
        made.append((order.name, out.name, order.variable_rate))
        return making.Made(out, 1, 1, "abc")

    monkeypatch.setattr(making, "generate", record)
    monkeypatch.setattr("kaoiro.synthesis.world.FaceWorld", lambda _: None)
    common = ["synth", "all", "--out", str(tmp_path)]
    assert main(common) == 0
    assert made == [(name, name, False) for name in NAMES]
    assert capsys.readouterr().out.count("\n") == len(NAMES)
    made.clear()
    assert main([*common, "--video"]) == 0
    assert [name for name, _, _ in made] == [name for name in NAMES if name != "syn-swap"]
    made.clear()
    assert main([*common, "--video", "--variable-rate"]) == 0
    assert made == [
        (name, name, True)
        for name in ("syn-id", "syn-posed", "syn-vid", "syn-flicker", "syn-mt", "syn-acts", "syn-ward")
    ]


def test_the_sets_of_the_command_are_those_there_are() -> None:
    assert tuple(synth.SETS) == NAMES


def test_a_clone_is_prepared_and_then_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clone(tmp_path / "clone")
    assert main(["synth", "prepare", str(tmp_path / "clone"), "--out", str(tmp_path / "assets")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'assets' / 'ict_full_f16.npz'}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prepare"], "prepare needs CLONE_DIR"),
        (["syn-id", "clone"], "syn-id takes no CLONE_DIR"),
        (["syn-id", "--scale", "0"], "--scale must be above 0 and at most 1, not 0.0"),
        (["syn-id", "--scale", "1.5"], "--scale must be above 0"),
        (["syn-id", "--scale", "nan"], "--scale must be above 0"),
        (["syn-id", "--size", "50"], "--size must be a multiple of 8 from 32 to 512, not 50"),
        (["all", "--seed", "-1"], "--seed must be 0 or more, not -1"),
        (["syn-vid", "--variable-rate"], "--variable-rate must be given together with --video"),
        (["syn-swap", "--video"], "syn-swap, which has stills"),
        (["syn-vid", "--video", "--size", "96"], "takes --size or --video, not both: videos have 640 × 360 pixels"),
        (["prepare", "clone", "--assets", "a"], "kaoiro synth prepare takes no --assets"),
        (["prepare", "clone", "--jobs", "1"], "kaoiro synth prepare takes no --jobs"),
        (["sheets", "--scale", "1"], "kaoiro synth sheets takes no --scale"),
        (["sheets", "--seed", "0"], "kaoiro synth sheets takes no --seed"),
        (["sheets", "--size", "96"], "kaoiro synth sheets takes no --size"),
        (["fixtures", "--video"], "kaoiro synth fixtures takes no --video"),
        (["fixtures", "--variable-rate"], "kaoiro synth fixtures takes no --variable-rate"),
        (["syn-id", "--assets", "nowhere"], "nowhere not found"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert words in refused(capsys, *arguments, "--out", str(tmp_path))


def test_a_file_as_out_is_one_line(assets: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "set").touch()
    assert "is a file; name a folder" in refused(capsys, "syn-swap", "--out", str(tmp_path / "set"), "--assets", assets)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["syn-x", "--out", "a"], "invalid choice: 'syn-x'"),
        (["syn-id"], "--out"),
        (["syn-id", "--out", "a", "--jobs", "0"], "--jobs: must be a whole number of 1 or more, not 0"),
    ],
)
def test_misspelt_calls_are_refused(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["synth", *arguments])
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


def test_without_numba_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == "numba":
            raise ImportError(name)
        return found(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    assert 'pip install "kaoiro[synth]"' in refused(capsys, "syn-id", "--out", str(tmp_path))


def test_the_help_names_the_sets_and_where_the_head_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["synth", "--help"])
    assert stopped.value.code == 0
    told = capsys.readouterr().out
    for word in (*NAMES, "all", "prepare", "CLONE_DIR", "https://github.com/ICT-VGL/ICT-FaceKit"):
        assert word in told


def test_sheets_are_written_and_named(
    assets: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kaoiro.synthesis import sheets

    def one(world: Any, side: int, *_: Any) -> list[list[sheets.Cell]]:
        return [[("a face", sheets.portrait(world, world.person("ann"), np.zeros(20), 32))]]

    for name in ("strip", "expressions", "action_units", "lights", "skin_tones", "levels"):  # for speed
        monkeypatch.setattr(sheets, name, one)
    assert main(["synth", "sheets", "--out", str(tmp_path / "new"), "--assets", assets]) == 0
    said, told = capsys.readouterr()
    paths = [Path(line) for line in said.splitlines()]
    assert sorted(paths) == sorted((tmp_path / "new").iterdir())
    assert {"expressions-facs.jpg", "action-units.jpg", "nuisance-levels.jpg"} <= {path.name for path in paths}
    assert told == "".join(f"kaoiro: drawing {path.stem} ...\n" for path in paths)
    with Image.open(paths[0]) as sheet:
        assert sheet.size == (32, 45)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reduce the project's small renders to one person, one clip and fewer pixels."""
    from kaoiro.synthesis import fixtures
    from kaoiro.synthesis.difficulty import load

    full = load()
    timing, blend = replace(full.timing, frames=(8, 8)), replace(full.blend, frames=(10, 12))
    short = replace(full, timing=timing, blend=blend, truth=replace(full.truth, apex_reach=0))
    monkeypatch.setattr(fixtures, "load", lambda: short)
    monkeypatch.setattr(fixtures, "PEOPLE", 1)
    monkeypatch.setattr(fixtures, "SIDE", 32)
    monkeypatch.setattr(fixtures, "CLIP_SIZE", (64, 48))
    monkeypatch.setattr(fixtures, "DEMO_SIZE", (64, 48))
    monkeypatch.setattr(fixtures, "CLIPS", {"anger-variable-rate": ("anger", "medium", True)})


@pytest.mark.usefixtures("quick")
def test_the_projects_own_renders_are_written_and_named(
    assets: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    av = pytest.importorskip("av")
    assert main(["synth", "fixtures", "--out", str(tmp_path), "--assets", assets]) == 0
    said, told = capsys.readouterr()
    faces = [f"contact/{label}/00.jpg" for label in FER2013.labels]
    files = [*faces, "clips/anger-variable-rate.mp4", "two-people.mp4"]
    assert said.splitlines() == [str(tmp_path / file) for file in files]
    assert told.splitlines()[0] == f"kaoiro: drawing {FER2013.labels[0]} ..."
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == sorted(tmp_path / file for file in files)
    with Image.open(tmp_path / faces[0]) as picture:
        assert picture.size == (32, 32)
    steps = {}
    for file, count in ((files[-2], (8,)), (files[-1], (10, 11, 12))):
        with av.open(str(tmp_path / file)) as video:
            times = [frame.time for frame in video.decode(video=0)]
        assert len(times) in count
        steps[file] = {round(after - before, 3) for before, after in pairwise(times)}
    assert steps["two-people.mp4"] == {0.04}
    assert len(steps["clips/anger-variable-rate.mp4"]) > 1


@pytest.mark.parametrize("what", ["sheets", "fixtures"])
def test_pictures_that_cannot_be_made_end_in_one_line(
    assets: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    from kaoiro.synthesis import sheets

    monkeypatch.setattr(sheets, "strip", lambda *_: [[("", np.zeros((8, 8, 3), np.uint8))]])
    assert "nowhere not found" in refused(capsys, what, "--out", str(tmp_path), "--assets", "nowhere")
    (tmp_path / "file").touch()
    assert main(["synth", what, "--out", str(tmp_path / "file"), "--assets", assets]) == 2
    out, err = capsys.readouterr()
    *drawing, last = err.splitlines()
    assert out == ""
    assert all(line.startswith("kaoiro: drawing ") for line in drawing)
    assert last.startswith(f"kaoiro: cannot write {tmp_path / 'file'}")
    monkeypatch.setitem(sys.modules, "numba", None)
    line = refused(capsys, what, "--out", str(tmp_path))
    assert line == 'kaoiro: kaoiro synth needs the extra [synth]: pip install "kaoiro[synth]"\n'


def test_a_face_is_drawn_as_it_is_asked_for(assets: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--size", "64", "--assets", assets]
    asked = {
        "rest": [],
        "smile": ["--units", "AU6=0.8, 12=1"],
        "turned": ["--yaw", "25"],
        "fear": ["--expression", "fear"],
    }
    pictures = {}
    for name, more in asked.items():
        out = tmp_path / f"{name}.png"
        assert main(["synth", "face", "--out", str(out), *options, *more]) == 0
        assert capsys.readouterr().out == f"{out}\n"
        with Image.open(out) as picture:
            assert picture.size == (64, 64)
            pictures[name] = picture.tobytes()
    assert len(set(pictures.values())) == len(asked)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--units", "99=1"], "99"),
        (["--units", "12=1.5"], "1.5"),
        (["--units", "12"], "must be action units and intensities such as 6=0.8,12=1, not 12"),
        (["--units", "12=1", "--expression", "fear"], "not by both"),
        (["--expression", "boredom"], "no prototype of 'boredom'"),
        (["--yaw", "nan"], "a pose's yaw must be finite"),
        (["--size", "8"], "size must be 16 to 4096"),
        (["--scale", "0.5"], "takes no --scale"),
    ],
)
def test_an_impossible_face_is_refused(
    assets: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert message in refused(capsys, "face", "--out", str(tmp_path / "x.png"), "--assets", assets, *options)
    assert not list(tmp_path.iterdir())


def test_a_face_is_a_picture_file(assets: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ".png or .jpg" in refused(capsys, "face", "--out", str(tmp_path / "x.gif"), "--assets", assets)


def test_options_of_a_face_are_refused_elsewhere(
    assets: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, "syn-swap", "--out", str(tmp_path / "x"), "--assets", assets, "--units", "12=1")
    assert "takes no --units" in said
