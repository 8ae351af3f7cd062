"""The glossary: entries by name, found by what they are called, in the shipped file and in the user's own."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kaoiro.core.errors import InputError
from kaoiro.inference.tables import text_of
from kaoiro.inference.words.entry import Entry, Language

SHIPPED = "glossary.toml"
"""In this package."""
_NEAR, _MOST = 0.6, 3  # similarity from which on names are suggested, and how many


def key(name: str) -> str:
    """Return the spelling under which names are compared: 'Eyes-Closed' and 'eyes closed' are one name."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(re.sub(r"[-_\s]+", " ", plain).strip(" '\"「」『』").split())


class Glossary:
    """Entries by name.

    Args:
        entries: each with its own name; no two share what they are called.
        source: of the entries, for errors.

    Raises:
        InputError: a name belongs to two entries, or an entry points to one that is not there.
    """

    def __init__(self, entries: Mapping[str, Entry], source: str) -> None:
        self._entries, self._keys = dict(entries), _keys(entries, source)
        self._spelled = {key(name): name for entry in entries.values() for name in reversed(entry.names)}
        for entry in entries.values():
            lost = [name for name in entry.instead if name not in entries]
            if lost:
                raise InputError(f"{source}: entry '{entry.name}': instead names {', '.join(lost)}, which is no entry")

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def find(self, word: str) -> Entry | None:
        """Return the entry that is called so, never one that is only similar; None if there is none."""
        name = self._keys.get(key(word))
        return None if name is None else self._entries[name]

    def nearest(self, word: str) -> list[str]:
        """Return up to three names that are written like `word`, nearest first, one of each entry."""
        wanted = key(word)
        likeness = {name: difflib.SequenceMatcher(None, wanted, name).ratio() for name in self._keys}
        inside = {name for name in likeness if wanted and (wanted in name or (len(name) > 1 and name in wanted))}
        near = [name for name, ratio in likeness.items() if ratio >= _NEAR or name in inside]
        found: dict[str, str] = {}
        for name in sorted(near, key=lambda name: -likeness[name]):
            found.setdefault(self._keys[name], self._spelled[name])
        return list(found.values())[:_MOST]

    def called(self, language: Language | None = None) -> Iterator[tuple[Entry, tuple[str, ...]]]:
        """Yield entries with what they are called in a language; those without such a name are left out."""
        for entry in self:
            names = entry.en + entry.ja if language is None else getattr(entry, language)
            if names or language is None:
                yield entry, names


def _keys(entries: Mapping[str, Entry], source: str) -> dict[str, str]:
    """Return which entry each name belongs to."""
    found: dict[str, str] = {}
    for entry in entries.values():
        for name in entry.names:
            owner = found.setdefault(key(name), entry.name)
            if owner != entry.name:
                raise InputError(f"{source}: '{name}' belongs to entry '{owner}' and to entry '{entry.name}'")
    return found


@cache
def shipped() -> Glossary:
    """Return the glossary that ships."""
    text = (files("kaoiro.inference.words") / SHIPPED).read_text(encoding="utf-8")
    return Glossary(_parsed(text, SHIPPED), SHIPPED)


def read(path: str | os.PathLike[str]) -> Glossary:
    """Return the shipped glossary with a file's entries, which replace those of the same name.

    Raises:
        InputError: the file cannot be read, or an entry is not valid; the message names file and entry.
    """
    own = _parsed(text_of(Path(path)), str(path))
    return Glossary({**{entry.name: entry for entry in shipped()}, **own}, str(path))


def _parsed(text: str, source: str) -> dict[str, Entry]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source}: no glossary in TOML: {error}") from error
    return {name: _entry(name, table, source) for name, table in tables.items()}


def _entry(name: str, table: Any, source: str) -> Entry:
    if not isinstance(table, dict) or "name" in table:
        why = "its name is that of the table" if isinstance(table, dict) else "an entry is a table such as [my_word]"
        raise InputError(f"{source}: entry '{name}': {why}")
    try:
        return Entry.model_validate({**table, "name": name})
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}: " for part in first["loc"] if part != "name")
        raise InputError(f"{source}: entry '{name}': {where}{first['msg'].removeprefix('Value error, ')}") from error
