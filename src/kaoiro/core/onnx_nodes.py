"""What a graph does first with its input, read from the ONNX file itself: ONNX Runtime does not tell.

An ONNX file is a message of Protocol Buffers: fields with a number, either a variable-length integer, four or eight
bytes, or a counted run of bytes, which may be a message again. Of onnx.proto only these are looked at: the graph of a
model (7); of a graph its nodes (1); of a node its inputs (1), outputs (2) and operator (4).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

_GRAPH, _NODES = 7, 1
_INPUT, _OUTPUT, _OPERATOR = 1, 2, 4
_COUNTED, _WIDE, _NARROW = 2, 1, 5  # kinds of fields beside 0, a variable-length integer


def first_operators(path: Path, name: str, passed: frozenset[str]) -> list[str]:
    """Return the operators that take a graph's input, those of `passed` and what comes after them in turn.

    Args:
        path: an ONNX file; of one that cannot be read nothing is known, and nothing returned.
        name: of the input.
        passed: operators behind which one goes on looking.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            nodes = list(_nodes(content))
    except (OSError, ValueError, IndexError):
        return []
    found, tensors = [], {name}
    for operator, taken, made in nodes:  # which stand in an order in which they can run
        if tensors & taken:
            found.append(operator)
            tensors |= made if operator in passed else set()
    return found


def _nodes(content: mmap.mmap) -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield operator, inputs and outputs of the nodes of a file's graph."""
    for number, first, last in _fields(content, 0, len(content)):
        if number != _GRAPH:
            continue
        for inner, start, end in _fields(content, first, last):
            if inner == _NODES:
                texts: dict[int, list[str]] = {_INPUT: [], _OUTPUT: [], _OPERATOR: [""]}
                for one, begin, stop in _fields(content, start, end):
                    if one in texts:
                        texts[one].append(content[begin:stop].decode())
                yield texts[_OPERATOR][-1], set(texts[_INPUT]), set(texts[_OUTPUT])


def _fields(content: mmap.mmap, place: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of the counted fields of a message; others are passed over.

    Raises:
        ValueError: it is no such message.
    """
    while place < end:
        key, place = _integer(content, place)
        kind = key & 7
        if kind == _COUNTED:
            length, place = _integer(content, place)
            yield key >> 3, place, place + length
            place += length
        elif kind in (_WIDE, _NARROW):
            place += 8 if kind == _WIDE else 4
        elif kind == 0:
            _, place = _integer(content, place)
        else:
            raise ValueError("no message of Protocol Buffers")
    if place > end:
        raise ValueError("a field reaches beyond its message")


def _integer(content: mmap.mmap, place: int) -> tuple[int, int]:
    """Return a variable-length integer, seven bits a byte, lowest first, and the place behind it."""
    value, shift = 0, 0
    while True:
        byte = content[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
