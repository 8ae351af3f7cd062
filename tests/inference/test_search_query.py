"""Phrases become words of the glossary, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core import modelfile
from kaoiro.core.errors import InputError
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import expression_column
from kaoiro.inference.search import parse
from kaoiro.inference.words.asked import CAUTION

AFFECT = ("valence", "arousal", "valence_sd", "arousal_sd")
UNITS = ("au_01", "au_02", "au_04", "au_05", "au_06", "au_09", "au_12", "au_15", "au_17", "au_20", "au_25", "au_26")
MEASURES = (*map(expression_column, EXPRESSIONS.labels), *AFFECT, *UNITS)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("looks relieved", "relaxed"),
        ("a Big Smile", "broad_smile"),
        ("smile, not eyes_wide", "smile, not eyes_wide"),
        ("smile without the eyes", "polite_smile"),  # longest first: 'without' belongs to the name
        ("without a smile, frowning", "not smile, frown"),
        ("a face that isn't smiling", "not smile"),
        ("smiling, smile", "smile"),
        ("looks angry", "angry"),
        ("worried look", "worried_brows"),
        ("「苦笑」", "wry_smile"),
        ("苦笑いしている", "wry_smile"),
        ("驚いた眉と笑顔", "surprised_brows, smile"),
        ("笑顔ではない", "not smile"),
        ("笑顔以外、目を見開く", "not smile, eyes_wide"),
    ],
)
def test_a_phrase_is_read_as_words_of_the_glossary(text: str, title: str) -> None:
    query = parse(text, MEASURES, "affect")
    assert (query.title, query.passed) == (title, ())


def test_what_is_no_word_is_passed_over_and_said() -> None:
    query = parse("a fake smile", MEASURES, "affect")
    assert query.title == "smile" and query.passed == ("fake",)
    assert query.remarks[0].startswith("'fake' is passed over: only words of the glossary")
    assert query.remarks[1].startswith("word_smile: AU 12; ") and query.remarks[-1] == CAUTION


def test_a_name_inside_another_word_is_no_word() -> None:
    with pytest.raises(InputError, match=r"'smileyness' is not in the glossary"):
        parse("smileyness", MEASURES, "affect")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("smiel", "'smiel' is not in the glossary (the nearest are smile"),
        ("purple hat", "none is written like it; --glossary FILE adds your own); only words of the glossary"),
        ("not", "is not in the glossary"),
        ("", "is not in the glossary"),
        ("smirk", "'smirk': search does not read it; 'kaoiro analyze --classes smirk' does"),
        ("あくび", "'yawn': search does not read it; 'kaoiro analyze --classes yawn' does"),
        ("smile or frown", "'or' is not understood"),
        ("smile, not smile", "asks for 'smile' and for its opposite"),
    ],
)
def test_what_cannot_be_searched_for_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, MEASURES, "affect")
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_words_multiply_and_not_takes_the_rest_of_one() -> None:
    measured = {name: np.full(3, 0.5) for name in MEASURES}
    measured |= {"au_12": np.array([0.5, 1, np.nan]), "expression_anger": np.array([0.25, 0.5, 0])}
    assert parse("smile", MEASURES, "affect").score(measured)[:2].tolist() == [0.5, 1]
    assert parse("smile, not angry", MEASURES, "affect").score(measured)[:2].tolist() == [0.375, 0.5]
    assert np.isnan(parse("smile", MEASURES, "affect").score(measured)[2])


def test_a_word_that_a_model_lacks_is_refused_for_that_model() -> None:
    with pytest.raises(InputError, match="model 'stills' does not measure AU 12"):
        parse("smile", MEASURES[:8], "stills")


def test_the_default_model_tells_what_the_examples_ask_for() -> None:
    from kaoiro.inference.words.asked import measured

    model = modelfile.load()
    query = parse("looks relieved, not a big smile, 苦笑", measured(model), model.name, model.digest)
    assert len(query.terms) == 3
