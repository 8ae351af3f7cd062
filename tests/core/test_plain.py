from __future__ import annotations

import pytest

from kaoiro.core.plain import inert, printable


def test_what_acts_on_terminals_is_taken_out_and_what_is_read_stays() -> None:
    assert printable("a\x1b[31mb\u202egpm.exe\x00\u2066c\n") == "a[31mbgpm.exec"
    for text in (
        "talk \u00fc.mp4",
        "\u4f1a\u898b\u3000\u4e00.mp4",
        "\u0645\u06cc\u200c\u062e",
        "\U0001f468\u200d\U0001f4bb",
    ):
        assert printable(text) == text


@pytest.mark.parametrize("sign", "=+-@\t\r")
def test_formulas_are_quoted(sign: str) -> None:
    assert inert(f"{sign}1+1") == f"'{sign}1+1"


def test_other_texts_stay_as_they_are() -> None:
    for text in ("", "anger", "1-2", "'=1", "talk=1.mp4"):
        assert inert(text) == text
