"""Words: the glossary, their scores by hand, what is refused and why, and how far they are trusted."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from graphs import write_affect_model, write_bright_model, write_model

from kaoiro.core import modelfile
from kaoiro.core.errors import InputError
from kaoiro.core.labels import FERPLUS
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.types import COLUMNS
from kaoiro.evaluation import words as measured_words
from kaoiro.inference.words import glossary as glossaries
from kaoiro.inference.words import reliability
from kaoiro.inference.words.asked import asked, refusal, split
from kaoiro.inference.words.entry import FACS, Entry
from kaoiro.inference.words.glossary import Glossary, key, read, shipped
from kaoiro.inference.words.reliability import Elsewhere, Reliability, level
from kaoiro.inference.words.scoring import score, within

ROOT = Path(__file__).parents[2]
COLUMN_NAMES = {column.name for column in COLUMNS}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_affect_model(tmp_path_factory.mktemp("words") / "bright", 0.5, {"au_12": 0.8, "au_06": 0.25})


def said(**values: float) -> dict[str, np.ndarray]:
    return {name: np.array([value]) for name, value in values.items()}


def one(entry: Entry, **values: float) -> float:
    return float(score(entry, said(**values))[0])


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# --- the glossary that ships


@pytest.mark.parametrize("entry", list(shipped()), ids=lambda entry: entry.name)
def test_an_entry_that_ships_has_names_in_both_languages_known_units_and_a_source(entry: Entry) -> None:
    assert entry.en and entry.ja
    assert entry.name.isascii()
    assert set(entry.present) | set(entry.absent) <= set(FACS)
    assert entry.source or entry.column in COLUMN_NAMES
    assert not entry.column or entry.column in COLUMN_NAMES
    assert all(shipped().find(name) is entry for name in entry.names), "no name belongs to two entries"


def test_the_glossary_covers_everyday_words_in_both_languages() -> None:
    assert len(shipped()) > 60
    for word, name in {
        "Smile": "smile",
        "  BROAD  smile ": "broad_smile",
        "eyes-closed": "eyes_closed",
        "苦笑": "wry_smile",
        "あくび": "yawn",
        "目を閉じる": "eyes_closed",
        "「微笑み」": "smile",
        "ﾆﾔﾘ": "smirk",
    }.items():
        found = shipped().find(word)
        assert found is not None and found.name == name, word
    assert shipped().find("smil") is None, "similar is not the same"


def test_names_are_compared_without_case_width_and_hyphens() -> None:
    assert key(" Eyes_Closed ") == key("ｅｙｅｓ　ｃｌｏｓｅｄ") == key("eyes-closed") == "eyes closed"


# --- scores by hand


def test_a_word_of_one_unit_is_that_unit_s_probability() -> None:
    assert one(shipped()["smile"], au_12=0.7) == pytest.approx(0.7)
    assert one(shipped()["mouth_closed"], au_25=0.25, au_26=0.5) == pytest.approx(0.75 * 0.5)


def test_main_units_multiply_and_absent_ones_count_by_their_complement() -> None:
    polite = shipped()["polite_smile"]
    assert one(polite, au_12=0.8, au_06=0.25) == pytest.approx(0.8 * 0.75)
    assert one(shipped()["duchenne_smile"], au_12=0.8, au_06=0.25) == pytest.approx(0.2)


def test_a_smaller_weight_takes_at_most_its_share_away() -> None:
    entry = Entry(name="x", present={"au_12": 1, "au_06": 0.4}, absent={"au_25": 0.5}, expressions={"happiness": 0.2})
    values = {"au_12": 0.9, "au_06": 0.5, "au_25": 0.6, "expression_happiness": 0.25}
    assert one(entry, **values) == pytest.approx(0.9 * (1 - 0.4 * 0.5) * (1 - 0.5 * 0.6) * (1 - 0.2 * 0.75))
    nothing = values | {"au_06": 0.0, "au_25": 1.0, "expression_happiness": 0.0}
    assert one(entry, **nothing) == pytest.approx(0.9 * 0.6 * 0.5 * 0.8)
    assert one(entry, au_12=0.9) == pytest.approx(0.9), "what a model does not measure is left out"


def test_ranges_give_the_probability_that_a_normal_variable_lies_there() -> None:
    entry = Entry(name="x", valence=(-1, -0.1), arousal=(-0.2, 0.2))
    low = 0.5 * math.erfc((0.3 + 0.1) / 0.2 / math.sqrt(2))  # below -0.1 with mean 0.3 and spread 0.2
    middle = math.erf(0.2 / 0.1 / math.sqrt(2))  # within two spreads of the mean
    values = {"valence": 0.3, "valence_sd": 0.2, "arousal": 0.0, "arousal_sd": 0.1}
    assert one(entry, **values) == pytest.approx(low * middle)
    assert within(np.array([0.0]), np.array([0.5]), -1, 1) == pytest.approx(1), "outer ends are open"
    assert within(np.array([0.5]), np.array([0.0]), 0.2, 1) == pytest.approx(1), "no spread at all"


@pytest.mark.parametrize("entry", [entry for entry in shipped() if entry.present or entry.absent], ids=lambda e: e.name)
def test_scores_lie_between_0_and_1_and_move_with_each_unit(entry: Entry) -> None:
    rng = np.random.default_rng(0)
    values = {entry.reading(unit): rng.random(50) for unit in (*entry.present, *entry.absent)}
    before = score(entry, values)
    assert ((before >= 0) & (before <= 1)).all()
    for unit in (*entry.present, *entry.absent):
        column = entry.reading(unit)
        more = score(entry, values | {column: np.minimum(1, values[column] + 0.1)})
        assert (more >= before - 1e-12).all() if unit in entry.present else (more <= before + 1e-12).all()


def test_what_the_model_did_not_give_makes_the_score_nan(model: ModelFolder) -> None:
    assert math.isnan(one(shipped()["polite_smile"], au_12=0.8, au_06=math.nan))
    words = asked("polite smile, smile", model)
    assert words.scores({"au_12": 0.8}) == {"word_smile": pytest.approx(0.8)}, "missing, like all that is not known"


# --- words that are asked for


def test_words_are_separated_by_commas_of_any_width() -> None:
    assert split("smile, 苦笑、あくび，frown；jaw drop,") == ["smile", "苦笑", "あくび", "frown", "jaw drop"]
    assert split([" smile ", ""]) == ["smile"]


def test_a_word_named_twice_or_in_two_languages_counts_once(model: ModelFolder) -> None:
    words = asked("笑顔、smile, Jaw-Drop", model)
    assert words.names == ("word_smile", "word_jaw_drop")
    assert words.columns == (*words.names, "word_smile_smooth", "word_jaw_drop_smooth")
    assert not asked(None, model)


@pytest.mark.parametrize(
    ("word", "why"),
    [
        (
            "眠そう",
            r"'眠そう' cannot be measured: readers tell closed eyes, not lids that droop \(near it: eyes_closed",
        ),
        (
            "blink",
            r"'blink' cannot be measured: model 'bright' does not measure AU 45 \(blink\) \(near it: eyes_closed",
        ),
        ("raised eyebrow", r"one side of the face does it, and AU 2 \(outer brow raiser\) is not measured of one side"),
        ("confused", r"does not measure AU 7 \(lid tightener\)"),
        ("concentrated", r"no facial action is known to tell concentration from a frown"),
        ("angry", r"'angry' is no word to ask for: it is in the records already, as expression_anger"),
        ("smiel", r"'smiel' is not in the glossary \(the nearest are smile"),
        ("wide smile", r"the nearest are .*smile"),
        ("qqqq", r"'qqqq' is not in the glossary \(none is written like it"),
        (" 、", r"no words are named; 'kaoiro words' lists"),
    ],
)
def test_what_cannot_be_told_is_refused_with_its_reason(model: ModelFolder, word: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as error:
        asked(word, model)
    assert "\n" not in str(error.value)


def test_the_nearest_are_told_as_they_are_written_one_of_each_entry() -> None:
    assert shipped().nearest("笑い顔")[:2] == ["笑顔", "笑い"]
    assert shipped().nearest("eyes closd")[:1] == ["eyes_closed"]
    assert shipped().nearest("smiel").count("smile") == 1
    assert all(shipped().find(name) is not None for name in shipped().nearest("mouth opne"))


def test_a_refusal_names_every_word_that_is_wrong_and_no_other(model: ModelFolder) -> None:
    with pytest.raises(InputError) as error:
        asked("smile, squint, yaawn", model)
    assert "'squint' cannot" in str(error.value) and "(the nearest are yawn" in str(error.value)
    assert "'smile'" not in str(error.value)


def test_a_model_without_units_tells_no_word_and_one_without_spread_no_range(tmp_path: Path) -> None:
    plain = write_model(tmp_path / "plain", [0.0] * len(FERPLUS))
    with pytest.raises(InputError, match=r"model 'plain' does not measure AU 12 \(lip corner puller\)"):
        asked("smile", plain)
    assert refusal(shipped()["bored"], plain) == "model 'plain' does not measure valence_sd, arousal_sd"
    some = write_bright_model(tmp_path / "some", ("au_04", "au_12"))
    assert asked("smile, frown", some).names == ("word_smile", "word_frown")


def test_leaning_units_that_are_not_measured_are_left_out_and_named(model: ModelFolder) -> None:
    words = asked("glare", model)
    assert words.scores({"au_04": 0.5, "au_05": 0.5}) == {"word_glare": pytest.approx(0.25)}
    assert "of which AU 7 (lid tightener) is not measured" in words.remarks[0]


# --- glossaries of the user's own


def test_own_entries_are_added_and_replace_those_of_the_same_name(tmp_path: Path, model: ModelFolder) -> None:
    file = written(
        tmp_path / "mine.toml",
        '[smile]\nen = ["smile"]\npresent = [6, 12]\n\n["変顔"]\nja = ["へんがお"]\npresent = { 9 = 1, 12 = 0.5 }\n',
    )
    words = asked(["smile", "へんがお", "frown"], model, file)
    assert words.names == ("word_smile", "word_変顔", "word_frown")
    assert words.scores({"au_06": 0.5, "au_12": 0.5, "au_09": 1, "au_04": 1}) == {
        "word_smile": pytest.approx(0.25),
        "word_変顔": pytest.approx(0.75),
        "word_frown": 1,
    }
    assert asked("smile", model, file).digest != asked("smile", model).digest
    assert len(read(file)) == len(shipped()) + 1
    with pytest.raises(InputError, match="name the words, too"):
        asked(None, model, file)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[x\n", "no glossary in TOML"),
        ("x = 3\n", "entry 'x': an entry is a table"),
        ("[X]\npresent = [12]\n", "entry 'X': a name has small letters"),
        ("[x_smooth]\npresent = [12]\n", "does not end in _smooth, _sd, _change"),
        ("[x]\nname = 'y'\npresent = [12]\n", "its name is that of the table"),
        ("[x]\npresent = [99]\n", "entry 'x': present: 99 is no action unit that is known here; there are: 1, 2, 4"),
        ("[x]\npresent = [12, 12]\n", "names a unit twice"),
        ("[x]\npresent = { 12 = 1.5 }\n", "less than or equal to 1"),
        ("[x]\npresent = { 12 = 0.5 }\n", "says nothing that must be so"),
        ("[x]\npresent = [12]\nabsent = [12]\n", r"AU 12 \(lip corner puller\) cannot be present and absent"),
        ("[x]\nexpressions = { joy = 1 }\n", "joy: no expression; there are: anger"),
        ("[x]\nvalence = [0.5, 0.2]\n", "a range goes up"),
        ("[x]\ncolumn = 'mood'\n", "records have no column mood"),
        ("[x]\npresent = [12]\nen = ['a, b']\n", "have no comma"),
        ("[x]\npresent = [12]\ncolour = 'red'\n", "colour: Extra inputs"),
        ("[x]\npresent = [12]\nen = ['smile']\n", "'smile' belongs to entry 'smile' and to entry 'x'"),
        ("[x]\npresent = [12]\ninstead = ['y']\n", "entry 'x': instead names y, which is no entry"),
    ],
)
def test_a_bad_glossary_is_refused_with_file_entry_and_reason(tmp_path: Path, text: str, why: str) -> None:
    file = written(tmp_path / "mine.toml", text)
    with pytest.raises(InputError, match=why) as error:
        read(file)
    assert "mine.toml" in str(error.value)


def test_a_glossary_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: cannot be read"):
        read(tmp_path / "none.toml")
    written(tmp_path / "utf16.toml", "")
    (tmp_path / "utf16.toml").write_bytes("[x]\npresent = [12]\n".encode("utf-16"))
    assert read(tmp_path / "utf16.toml").find("x") is not None, "as Notepad writes it"


# --- reliability


def test_the_reliabilities_that_ship_are_those_of_the_results() -> None:
    figures = json.loads((ROOT / "docs/results/words.json").read_text(encoding="utf-8"))
    assert reliability._stored() is not None
    stored = json.loads((ROOT / "src/kaoiro/inference/words/reliability.json").read_text(encoding="utf-8"))
    assert stored["model"] == {"name": figures["of model"], "digest": figures["model_sha256"]}
    assert stored["sets"] == figures["sets"]
    found = {name: one.model_dump(mode="json") for name, one in measured_words.reliabilities(figures).items()}
    assert stored["words"] == found


def test_every_word_that_the_default_model_can_tell_was_measured_as_it_ships() -> None:
    if modelfile.DEFAULT not in modelfile.shipped():
        pytest.skip("the default model is missing from src/kaoiro/models")
    model = modelfile.load(None)
    told = [entry for entry in shipped() if not refusal(entry, model)]
    assert [entry.name for entry in told if reliability.of(entry, model.digest).entry != entry.digest] == []
    assert len(told) >= 30


def test_a_level_is_for_the_model_and_the_composition_that_were_measured() -> None:
    stored = json.loads((ROOT / "src/kaoiro/inference/words/reliability.json").read_text(encoding="utf-8"))
    smile, digest = shipped()["smile"], stored["model"]["digest"]
    assert reliability.of(smile, digest).level != "unmeasured"
    assert reliability.of(smile, "another").level == "unmeasured"
    mine = Entry(name="smile", present={"au_12": 1, "au_25": 1})
    assert reliability.of(mine, digest) == reliability.UNMEASURED


def test_the_worst_lower_end_decides() -> None:
    assert [level(0.9), level(0.89), level(0.75), level(0.74), level(None)] == [
        "good",
        "fair",
        "fair",
        "weak",
        "unmeasured",
    ]
    assert level(0.95, None, 0.7) == "weak"


def test_a_reliability_says_what_it_rests_on() -> None:
    assert reliability.UNMEASURED.text == ("unmeasured: no figures for this word and model; unmeasured on real faces")
    few = Reliability(entry="0", shown=12, people=3)
    assert few.text == "unmeasured: too few rendered people show it (3); unmeasured on real faces"
    real = Elsewhere(data="portraits", auc=0.94, interval=(0.9, 0.98), people=46)
    full = Reliability(level="fair", entry="0", auc=0.98, interval=(0.97, 0.99), near=0.9, near_interval=(0.8, 0.95))
    told = full.model_copy(update={"real": real}).text
    assert told == (
        "fair: AUC 0.98 (0.97–0.99) on rendered people, 0.90 (0.80–0.95) against those who show a part of it, "
        "0.94 (0.90–0.98) on portraits"
    )


def test_an_own_glossary_may_stand_alone() -> None:
    own = Glossary({"x": Entry(name="x", en=("my word",), present={"au_12": 1})}, "here")
    assert [names for _, names in own.called("en")] == [("my word",)]
    assert list(own.called("ja")) == []
    assert own.nearest("my wort") == ["my word"]
    assert glossaries.SHIPPED.endswith(".toml")
