"""`kaoiro reproduce E1` as a person calls it, on made-up files."""

import json

import pytest
from fake.fer2013 import write
from fake.target import target

from kaoiro.cli.main import main
from kaoiro.core.errors import DataError
from kaoiro.metrics import resampling
from kaoiro.training import reproduce_e1
from kaoiro.training.transfer import targets

SMALL = ["--network.stem", "4", "--network.widths", "4", "6", "8", "--network.mask", "0", "--size", "50"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fer")
    write(folder, {"Training": 120, "PublicTest": 32, "PrivateTest": 8}, duplicates=8)
    return str(folder)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name, value in {"FIRST_PASSES": 1, "ZERO_PASSES": 1, "SECOND_UPDATES": 2, "BATCH": 16}.items():
        monkeypatch.setattr(reproduce_e1, name, value)
    monkeypatch.setattr(resampling, "DRAWS", 50)


@pytest.fixture
def made_up(monkeypatch):
    def load(name, roots, side, folder):
        targets._root(name, roots)
        return target(name, side)

    monkeypatch.setattr(targets, "load", load)


def call(root, out, *options):
    return main(["reproduce", "E1", "--fer2013", root, "--out", str(out), "--seeds", "1", *SMALL, *options])


def test_page_and_figures_are_written(root, tmp_path, made_up, capsys):
    out, results = tmp_path / "E1", tmp_path / "results"
    asked = ["--targets", "degraded", "--conditions", "T2,T5", "--results", str(results)]
    assert call(root, out, *asked) == 0
    assert "## Degraded" in capsys.readouterr().out
    content = json.loads((results / "system-e1.json").read_text(encoding="utf-8"))
    assert set(content["targets"]["degraded"]["curves"]["T2"]) == {"0", "1", "5", "6"}
    assert content["settings"] == {"network.stem": 4, "network.widths": [4, 6, 8], "network.mask": 0, "size": 50}
    assert (results / "system-e1-curves.png").is_file()
    assert call(root, out, "--targets", "degraded", "--finished") == 0
    assert main(["reproduce", "E1", "--fer2013", root, "--out", str(out), "--targets", "degraded"]) == 2
    assert "holds runs with changes" in capsys.readouterr().err


def test_targets_without_a_folder_are_left_out(root, tmp_path, made_up, monkeypatch):
    asked = []
    monkeypatch.setattr(reproduce_e1, "system_e1", lambda order, *_: asked.append(order.targets))
    monkeypatch.setattr("kaoiro.cli.reproduce._render", lambda *_: None)
    call(root, tmp_path / "E1", "--london", "somewhere")
    assert asked == [("rendered", "degraded", "london")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--targets", "moon"], "--targets must be of rendered, degraded"),
        (["--targets", "london"], "name its folder by --london"),
        (["--targets", "degraded", "--conditions", "T9"], "--conditions must be of T0"),
        (["--targets", "degraded", "--objective.learning-rate", "1"], "settings for all stages"),
        (["--targets", "degraded", "--network.stems", "1"], "what can be changed"),
        (["--targets", "degraded", "--weights", "nowhere"], "--weights must be given with --form"),
    ],
)
def test_bad_input_is_told_in_one_line(root, tmp_path, made_up, options, said, capsys):
    assert call(root, tmp_path / "E1", *options) == 2
    told = capsys.readouterr().err.strip()
    assert said in told
    assert len([line for line in told.splitlines() if line.startswith("kaoiro: error")]) <= 1


def test_files_that_lack_are_told(tmp_path, capsys):
    assert call(str(tmp_path / "nowhere"), tmp_path / "E1", "--targets", "degraded") == 2
    assert "fer2013" in capsys.readouterr().err


def test_a_damaged_results_file_is_refused_before_anything_is_learned(root, tmp_path, capsys):
    results = tmp_path / "results"
    results.mkdir()
    (results / "system-e1.json").write_text("{", encoding="utf-8")
    assert call(root, tmp_path / "E1", "--targets", "degraded", "--results", str(results)) == 2
    assert "is damaged" in capsys.readouterr().err


def test_damaged_settings_are_refused(root, tmp_path, made_up):
    out = tmp_path / "E1"
    out.mkdir()
    (out / reproduce_e1.SETTINGS).write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="damaged"):
        reproduce_e1._read(out / reproduce_e1.SETTINGS)
