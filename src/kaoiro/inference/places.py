"""Where below a folder the results of each medium go: no two share a place, whatever a system makes of names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

_FORBIDDEN = frozenset('<>:"|?*\\')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])[ .]*(\..*)?", re.IGNORECASE)


class Places:
    """Gives each medium a place; one that was seen before keeps its own.

    Args:
        reserved: places that no medium may have.
        earlier: places and names of the media that have them, of earlier runs.
    """

    def __init__(self, reserved: Iterable[str], earlier: Iterable[tuple[str, str]] = ()) -> None:
        self._taken = {_key(place) for place in reserved}
        self._next: dict[str, int] = {}
        self._own: dict[str, list[str]] = {}
        for place, name in earlier:
            if _below(place) and _key(place) not in self._taken:
                self._taken.add(_key(place))
                self._own.setdefault(name, []).append(place)

    def take(self, name: str, relative: str) -> str:
        """Return the place of a medium, with forward slashes.

        Args:
            name: of the medium; given twice, it gets two places.
            relative: where its results would go if nothing stood in the way.
        """
        own = self._own.get(name)
        return own.pop(0) if own else self._new(portable(relative))

    def _new(self, wanted: str) -> str:
        number = self._next.get(_key(wanted), 1)
        while _key(place := wanted if number == 1 else f"{wanted}~{number}") in self._taken:
            number += 1
        self._next[_key(wanted)] = number + 1
        self._taken.add(_key(place))
        return place


def portable(relative: str) -> str:
    """Return a relative path, with forward slashes, whose parts every system takes for the names of files."""
    return "/".join(map(_portable_part, relative.split("/")))


def _portable_part(part: str) -> str:
    """Replace what Windows forbids: some characters, an end of dots and spaces, the names of devices."""
    safe = "".join("_" if c in _FORBIDDEN or ord(c) < 32 or ord(c) == 127 else c for c in part)
    kept = safe.rstrip(". ")
    safe = kept + "_" * (len(safe) - len(kept))
    return f"_{safe}" if _RESERVED.fullmatch(safe) else safe


def _key(place: str) -> str:
    """Return what is equal for places that some system takes for one."""
    return unicodedata.normalize("NFC", place).casefold()


def _below(place: str) -> bool:
    """Whether a place cannot lead out of its folder."""
    path = PurePosixPath(place)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
