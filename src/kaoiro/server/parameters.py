"""Parameters of our own interface: words, and the refusal of those that it does not know."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import StringConstraints

from kaoiro.core.plain import printable
from kaoiro.inference.words.asked import Words
from kaoiro.server.gate import KEY_QUERY
from kaoiro.server.lexicon import MOST
from kaoiro.server.refusals import bad_argument
from kaoiro.server.state import of

_LONGEST = 2000  # characters of one parameter
_SHOWN = 100  # characters of a name that are repeated
Classes = Annotated[
    list[Annotated[str, StringConstraints(max_length=_LONGEST)]] | None,
    Query(max_length=MOST, description="words of the glossary, with commas between them: smile, 苦笑"),
]


async def _asked(request: Request, classes: Classes = None) -> Words:
    """Return the words that a request asks for; if it names none, those that the model answers unasked."""
    lexicon = of(request).lexicon
    return lexicon.unasked if classes is None else await asyncio.to_thread(lexicon.asked, classes)


Asked = Annotated[Words, Depends(_asked)]
"""The words of a route's parameter `classes`."""


async def _check(request: Request) -> None:
    """Refuse a request with a parameter that its route does not have: a slip is no wish for a default.

    Raises:
        Refused: names the first one, and those that there are.
    """
    names = list(_names(request.scope["route"].dependant))
    for name in request.query_params:
        if name not in names and name.lower() != KEY_QUERY:
            there = f"there are {', '.join(names)}" if names else "there are none here"
            raise bad_argument(f"Argument {printable(name[:_SHOWN])} is not known; {there}.")


def _names(dependant: Any) -> Iterator[str]:
    """Yield the names of the query parameters of a route, and of what it depends on."""
    yield from (field.alias for field in dependant.query_params)
    for other in dependant.dependencies:
        yield from _names(other)


KNOWN = Depends(_check)
"""For the `dependencies` of a router: only parameters that its routes have."""
