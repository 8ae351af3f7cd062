"""One HTML file from data, texts, styles and scripts, which opens from disk and asks nobody for anything."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import numpy as np

HOME = "kaoiro.inference.report"
"""Package whose folder `page` has what all pages share."""
_DIGITS = 4


def assembled(
    title: str,
    language: str,
    data: dict[str, Any],
    words: dict[str, dict[str, Any]],
    styles: Sequence[str],
    scripts: Sequence[str],
) -> str:
    """Return a page.

    Args:
        title: in plain words.
        language: shown first, 'en' or 'ja'.
        data: what the page shows, plain values.
        words: every visible text by language, see `texts`.
        styles: text of the page's own, see `asset`; those that pages share come before them.
        scripts: likewise; they define `render()` and call `redraw()` at their end.
    """
    parts = {
        "LANGUAGE": language,
        "TITLE": html.escape(f"{title} – kaoiro"),
        "STYLE": "\n".join([asset(HOME, "common.css"), *styles]),
        "DATA": as_json(data),
        "TEXTS": as_json(words),
        "SCRIPT": "\n".join([asset(HOME, "common.js"), *scripts]),
    }
    return re.sub(r"%([A-Z]+)%", lambda match: parts[match[1]], asset(HOME, "page.html"))


def texts(home: str) -> dict[str, dict[str, Any]]:
    """Return every visible text of a package's page by language: its own, and those that pages share."""
    shared, own = (json.loads(asset(*place)) for place in ((HOME, "common.json"), (home, "texts.json")))
    return {language: shared[language] | own[language] for language in shared}


def asset(home: str, name: str) -> str:
    """Return the text of a file of a package's page."""
    return (resources.files(home) / "page" / name).read_text(encoding="utf-8")


def as_json(value: Any) -> str:
    """Return JSON that can stand inside a script element, whatever names and transcripts say."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def made() -> dict[str, str]:
    """Return which version made a page, and when."""
    from kaoiro import __version__

    return {"version": __version__, "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")}


def number(value: float, digits: int = _DIGITS) -> float | None:
    """Return a number for a page; None if it is unknown."""
    return round(float(value), digits) if math.isfinite(value) else None


def numbers(values: np.ndarray | Sequence[float], digits: int = _DIGITS) -> list[float | None]:
    """Return a row of numbers for a page; None where one is unknown."""
    return [number(value, digits) for value in np.asarray(values).tolist()]


def plain(value: Any) -> Any:
    """Return dictionaries with their numbers as a page takes them."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return number(value) if isinstance(value, float) else value
