"""`kaoiro analyze --classes`, `kaoiro words` and `kaoiro evaluate words`, as they are called."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake import clip, london
from fake.diffusion import write as write_generated
from fake.synthetic import Rows
from fake.synthetic import write as write_rendered
from graphs import write_bright_model
from jobs import Middle
from PIL import Image

from kaoiro.cli import analyze
from kaoiro.cli.main import main
from kaoiro.core.codec import NAMES, read_rows
from kaoiro.core.types import LANDMARKS
from kaoiro.evaluation import crops, words
from kaoiro.inference import analyzer
from kaoiro.inference.words import reliability
from kaoiro.inference.words.asked import CAUTION
from kaoiro.inference.words.glossary import shipped
from kaoiro.metrics import resampling

Call = Callable[..., tuple[int, str, str]]


class Quick(Middle):
    """Takes the middle of every picture that is not black for a face."""

    thread_safe = True

    def __init__(self, **settings: Any) -> None:
        pass


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bright_model(tmp_path_factory.mktemp("models") / "bright").path


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, bright: Path) -> Call:
    """Return a function that runs a command with a model for which bright faces smile."""
    monkeypatch.setattr(analyzer, "CenterFace", Quick)

    def called(*argv: Any) -> tuple[int, str, str]:
        code = main([*map(str, argv), "--model", str(bright)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return called


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.full((48, 64, 3), 255, np.uint8)).save(path)
    return path


def test_words_become_columns_and_each_is_introduced_on_standard_error(call: Call, photo: Path) -> None:
    code, out, err = call("analyze", photo, "--classes", "笑顔、frown, smile")
    assert code == 0
    header, row = (line.split(",") for line in out.splitlines())
    assert header[len(NAMES) :] == ["word_smile", "word_frown", "word_smile_smooth", "word_frown_smooth"]
    values = dict(zip(header, row, strict=True))
    assert values["word_smile"] == values["au_12"] and float(values["word_smile"]) > 0.9
    assert float(values["word_frown"]) < 0.1
    first, second, last = err.splitlines()
    assert first.startswith("kaoiro: word_smile: AU 12; unmeasured: no figures for this word and model")
    assert second.startswith("kaoiro: word_frown: AU 4; ") and second.endswith("unmeasured on real faces")
    assert last == f"kaoiro: {CAUTION}"


def test_a_terminal_gets_the_words_in_its_lines(call: Call, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyze.sys.stdout, "isatty", lambda: True, raising=False)
    code, out, _ = call("analyze", photo, "--classes", "smile, frown")
    assert code == 0
    assert "smile 0.98, frown 0.02" in out


@pytest.mark.parametrize("words", ["smiel", "sleepy", "squint, smile", ""])
def test_a_word_that_cannot_be_told_ends_with_one_line_and_exit_2(call: Call, photo: Path, words: str) -> None:
    code, out, err = call("analyze", photo, "--classes", words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "'kaoiro words' lists" in err


def test_words_go_into_folders_and_their_joined_table(call: Call, photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    Image.new("RGB", (64, 48)).save(other)
    mine = tmp_path / "mine.toml"
    mine.write_text("[beam]\npresent = [12]\nabsent = [4]\n", encoding="utf-8")
    given = (photo, other, "--out", tmp_path / "out", "--format", "jsonl", "--classes", "beam", "--glossary", mine)
    code, _, err = call("analyze", *given)
    assert code == 0, err
    rows = list(read_rows(tmp_path / "out" / "all.jsonl"))
    assert [row["word_beam"] for row in rows] == [pytest.approx(0.982**2, abs=0.01), None]
    code, _, err = call("analyze", *given)
    assert "2 already done" in err


def test_other_tools_columns_have_no_place_for_words(call: Call, photo: Path, tmp_path: Path) -> None:
    code, _, err = call("analyze", photo, "--classes", "smile", "--dialect", "fer", "--out", tmp_path / "out")
    assert code == 2
    assert "--dialect fer has no columns for words of --classes; leave one of them out" in err


def test_a_glossary_without_words_is_a_slip(call: Call, photo: Path, tmp_path: Path) -> None:
    code, _, err = call("analyze", photo, "--glossary", tmp_path / "mine.toml")
    assert code == 2
    assert "name the words, too" in err


def test_the_list_says_what_each_word_stands_for_and_how_far_it_is_trusted(call: Call) -> None:
    code, out, _ = call("words")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert "unmeasured AU 12  [smile," in lines["smile"]
    assert "refused    model 'bright' does not measure AU 7 (lid tightener)  [squint," in lines["squint"]
    assert CAUTION in out


def test_the_list_may_keep_to_one_language(call: Call) -> None:
    japanese, english = (call("words", "--language", language)[1] for language in ("ja", "en"))
    assert "[笑顔, " in japanese and "smiling" not in japanese
    assert "smiling" in english and "笑顔" not in english


def test_one_word_is_told_completely_and_to_programs(call: Call) -> None:
    _, out, _ = call("words", "苦笑")
    assert out.startswith("wry_smile: wry smile, ")
    assert "stands for   AU 12+15+(17)" in out and "Ekman & Friesen 1982" in out
    _, out, _ = call("words", "pout")
    assert "near it      chin_raise, sulky_mouth" in out
    (row,) = json.loads(call("words", "smile", "--json")[1])
    assert (row["name"], row["column"], row["refused"]) == ("smile", "word_smile", None)
    assert row["reliability"]["level"] == "unmeasured", "another model than the one that was measured"
    code, _, err = call("words", "smiel")
    assert (code, err.count("\n")) == (2, 1) and "the nearest are smile" in err


# --- evaluate words


def facing(rows: Rows) -> None:
    """Put the five points where a face has them; one half of every clip smiles, a third of these with the eyes."""
    points = [(10.0, 13.0), (22.0, 13.0), (16.0, 19.0), (11.0, 24.0), (21.0, 24.0)]
    for number, row in enumerate(rows):
        row["au_12"], row["au_06"], row["au_26"] = 0.5 * (number % 2), 0.5 * (number % 6 == 1), 0.0
        for name, (x, y) in zip(LANDMARKS, points, strict=True):
            row[f"{name}_x"], row[f"{name}_y"] = x, y


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    monkeypatch.setattr(resampling, "DRAWS", 100)
    monkeypatch.setattr(crops, "CenterFace", Middle)
    monkeypatch.setattr(words, "FEW_PEOPLE", 2)
    monkeypatch.setattr(words, "FEW_FACES", 2)
    write_rendered(tmp_path / "rendered", facing)
    london.write(tmp_path / "london", [f"{number:03d}" for number in range(1, 9)])
    write_generated(tmp_path / "generated", each=8)
    return {name: tmp_path / name for name in ("rendered", "london", "generated")}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Name another file of reliabilities than the one that ships."""
    monkeypatch.setattr(reliability, "FILE", str(tmp_path / "kept.json"))
    yield tmp_path / "kept.json"
    reliability._stored.cache_clear()


def stored_alarms(path: Path) -> dict[str, float]:
    """Return the shares of portraits called so wrongly, by word, of a file of reliabilities."""
    found = json.loads(path.read_text(encoding="utf-8"))["words"]
    return {name: one["alarms"][0]["share"] for name, one in found.items() if one["alarms"]}


def test_words_of_readers_are_measured_on_a_set_of_their_own(
    call: Call, roots: dict[str, Path], tmp_path: Path
) -> None:
    def winking(rows: Rows) -> None:
        facing(rows)
        for number, row in enumerate(rows):
            left, right = [0.0] * 20, [0.0] * 20
            left[-1] = 0.9 * (number % 2)  # AU 43
            right[-1] = 0.9 * (number % 4 == 1)
            row["units_left"], row["units_right"] = left, right

    write_rendered(tmp_path / "acts", winking)
    given = ("--set", roots["rendered"], "--acts", tmp_path / "acts", "--threads", "1", "--json", tmp_path / "f.json")
    code, _, err = call("evaluate", "words", *given)
    assert code == 0, err
    figures = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))
    closed, wink, smile = (figures["words"][name] for name in ("eyes_closed", "wink", "smile"))
    assert (closed["faces"], closed["near: faces"]) == (6, 6), "a wink is near closed eyes"
    assert (wink["faces"], wink["near: faces"]) == (6, 6)
    assert (smile["faces"], smile["near: faces"]) == (12, 0), "of the other set"
    assert len(figures["sets"]) == 2 and figures["readers_sha256"]


def test_words_are_measured_and_kept_beside_the_glossary(
    call: Call, roots: dict[str, Path], tmp_path: Path, kept: Path
) -> None:
    given = ("--set", roots["rendered"], "--london", roots["london"], "--generated", roots["generated"])
    code, out, err = call("evaluate", "words", *given, "--threads", "1", "--results", tmp_path, "--write")
    assert code == 0, err
    figures = json.loads((tmp_path / "words.json").read_text(encoding="utf-8"))
    assert (figures["faces"], figures["people"], figures["sets"]) == (24, 2, ["syn-mt"])
    smile, eyes = figures["words"]["smile"], figures["words"]["duchenne_smile"]
    assert (smile["faces"], smile["near: faces"], eyes["faces"], eyes["near: faces"]) == (12, 0, 4, 8)
    assert smile["AUC"] is not None and eyes["near: AUC"] is not None
    assert figures["words"]["gasp"]["level"] == "unmeasured"
    assert figures[words.PHOTOGRAPHS]["smile"]["AUC"] == 1
    assert set(figures[words.ANNOTATED]) == {"bored", "relaxed", "excited", "tense"}
    assert "AU 7" in figures["refused"]["squint"]["why"]
    wrong = figures[words.ALARMS]
    assert set(wrong) >= {"eyes_closed", "yawn", "smirk", "wink"} and wrong["smirk"]["faces"] > 0
    assert stored_alarms(kept)["smirk"] == pytest.approx(wrong["smirk"]["share"], abs=1e-4)
    page = (tmp_path / "words.md").read_text(encoding="utf-8")
    assert page.startswith("# Words") and "never what somebody feels" in page and "| smile |" in out
    stored = json.loads(kept.read_text(encoding="utf-8"))
    assert stored["words"]["smile"]["auc"] == pytest.approx(smile["AUC"], abs=1e-4)
    assert stored["words"]["smile"]["real"]["people"] == figures[words.PHOTOGRAPHS]["smile"]["people"]
    found = {name: one.model_dump(mode="json") for name, one in words.reliabilities(figures).items()}
    assert stored["words"] == found
    assert reliability.of(shipped()["smile"], stored["model"]["digest"]).auc == stored["words"]["smile"]["auc"]


def test_rules_are_compared_on_other_people(call: Call, roots: dict[str, Path], tmp_path: Path, monkeypatch) -> None:
    from kaoiro.evaluation import word_rules

    monkeypatch.setattr(word_rules, "FEW_PEOPLE", 1)
    monkeypatch.setattr(word_rules, "FEW_FACES", 2)
    given = ("--set", roots["rendered"], "--choose", "--threads", "1", "--results", tmp_path)
    code, _, err = call("evaluate", "words", *given)
    assert code == 0, err
    figures = json.loads((tmp_path / "words-choice.json").read_text(encoding="utf-8"))
    assert figures["people of 'val'"] == 1
    assert "polite_smile" in figures["words of several actions"]
    assert list(figures["rules"]) == list(word_rules.RULES)


def test_only_the_glossary_that_ships_is_kept(call: Call, roots: dict[str, Path], tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("[beam]\npresent = [12]\n", encoding="utf-8")
    given = ("evaluate", "words", "--set", roots["rendered"], "--glossary", mine, "--threads", "1")
    code, out, _ = call(*given)
    assert code == 0 and "| beam |" in out
    code, _, err = call(*given, "--write")
    assert code == 2 and "--write is for figures of the glossary that ships" in err


@pytest.fixture
def compiled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Return a folder of words compiled with weights of a tiny CLIP."""
    weights, merges = clip.write(tmp_path)
    files = ["--clip", str(weights), "--merges", str(merges), "--out", str(tmp_path / "texts")]
    assert main(["words", "wistful, sleepy", "Lost in thought", *files]) == 0
    assert "wistful, sleepy, lost_in_thought; now: kaoiro analyze" in capsys.readouterr().out
    return tmp_path / "texts"


def test_words_beside_the_glossary_are_told_by_their_texts(
    call: Call, photo: Path, compiled: Path, tmp_path: Path
) -> None:
    asked = ["--classes", "smile, lost-in-thought, wistful, sleepy", "--clip", compiled, "--out", tmp_path / "out"]
    code, _, err = call("analyze", photo, *asked)
    assert code == 0
    assert "word_smile: AU 12" in err
    assert "word_wistful: by its text in clip.safetensors, against a face at rest; unmeasured" in err
    (row,) = read_rows(tmp_path / "out" / f"{photo.name}.csv")
    names = ["word_smile", "word_lost_in_thought", "word_wistful", "word_sleepy"]
    assert [name for name in row if name.startswith("word_") and not name.endswith("_smooth")] == names
    assert all(0 < float(str(row[name])) < 1 for name in names)
    assert len({row[name] for name in names}) == len(names)


def test_a_word_that_nobody_compiled_is_refused_with_the_nearest_entries(
    call: Call, photo: Path, compiled: Path
) -> None:
    code, out, err = call("analyze", photo, "--classes", "wistful, smiel", "--clip", compiled)
    assert (code, out) == (2, "")
    assert "'smiel' is not in the glossary (the nearest are smile" in err
    assert "wistful" not in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--clip", "WEIGHTS", "--classes", "smile"], "compile weights first: kaoiro words WORD"),
        (["--clip", "none", "--classes", "smile"], "words are compiled by: kaoiro words"),
        (["--clip", "BRIGHT", "--classes", "smile"], "a model without words"),
        (["--clip", "TEXTS"], "--clip tells words; name the words, too"),
    ],
    ids=["weights", "nothing", "another model", "no words"],
)
def test_folders_without_compiled_words_are_refused_in_one_line(
    options: list[str], message: str, call: Call, photo: Path, compiled: Path, bright: Path
) -> None:
    places = {"WEIGHTS": compiled.parent / "clip.safetensors", "TEXTS": compiled, "BRIGHT": bright}
    code, _, err = call("analyze", photo, *(places.get(one, one) for one in options))
    assert code == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1


NEW = ("--clip", "x", "--merges", "y", "--out", "NEW")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["words", "wistful", "--clip", "x"], "--clip, --merges and --out belong together"),
        (["words", "--clip", "x", "--merges", "y", "--out", "NEW"], "name the words to compile"),
        (["words", "a_sd", "--clip", "x", "--merges", "y", "--out", "NEW"], "cannot be the name of a column"),
        (["words", "a", "--clip", "x", "--merges", "y", "--out", "FULL"], "is there already; name a new folder"),
        (["words", "a", "--clip", "none", "--merges", "y", "--out", "NEW"], "none"),
        (["words", "smile", "frown"], "one word at a time"),
        (["words", "lost in thought", "lost_in_thought", *NEW], "'lost in thought' and 'lost_in_thought' would have"),
        (["words", "wistful, Wistful", *NEW], "would have the same column, word_wistful"),
        (["words", "wistful", "--json", *NEW], "--json: of no use beside --clip"),
        (["words", "wistful", "--language", "en", "--glossary", "x", *NEW], "--language, --glossary: of no use"),
        (["words", "wistful", "--model", "affect", *NEW], "--model: of no use beside --clip"),
        (["words", "wistful", "Smiling", *NEW], "'Smiling' is told by the glossary; leave it out"),
        (["words", "苦笑", *NEW], "'苦笑' is told by the glossary; leave it out"),
        (["words", "物思い", *NEW], "'物思い': CLIP learned English"),
        (["words", "задумчивый", *NEW], "'задумчивый': CLIP learned English"),
        (["words", "a" * 900, "--clip", "WEIGHTS", "--merges", "MERGES", "--out", "NEW"], "at most 77 fit; shorten it"),
    ],
    ids=[
        *("alone", "no words", "ending", "folder that is there", "no weights", "two words", "two spellings"),
        *("two cases", "json", "language and glossary", "model", "glossary", "glossary in Japanese", "Japanese"),
        *("Russian", "too long"),
    ],
)
def test_orders_that_cannot_be_compiled_are_refused_in_one_line(
    argv: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, merges = map(str, clip.write(tmp_path))
    places = {"NEW": str(tmp_path / "new"), "FULL": str(tmp_path), "WEIGHTS": weights, "MERGES": merges}
    assert main([places.get(one, one) for one in argv]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "new").exists()
