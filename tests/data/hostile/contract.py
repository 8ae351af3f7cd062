"""Requests that Schemathesis makes from the service's own description, valid and not, and answers held against it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import requests
import schemathesis
from hostile.target import PATIENCE, Target
from hypothesis import strategies
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

CHECKS = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
)


@schemathesis.serializer("image/jpeg", "video/mp4")
def _as_it_is(context: Any, value: Any) -> bytes:
    """Send bytes as the bodies that are described as image/* and video/*."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def explore(target: Target, seed: int, seconds: float, known: dict[str, str], picture: bytes) -> None:
    """Send what Schemathesis makes of every operation; faults and counts go to the target.

    Args:
        target: the service.
        seed: of the random cases; those for limits of values are always the same.
        seconds: for all operations together.
        known: parameters of paths that exist, for half of the cases.
        picture: sent instead of random bytes in part of the cases.
    """
    schema = schemathesis.openapi.from_url(f"{target.url}/openapi.json", timeout=PATIENCE)
    operations = [found.ok() for found in schema.get_all_operations()]
    seen: set[str] = set()
    for operation in operations:
        end = time.monotonic() + seconds / len(operations)
        with requests.Session() as session:
            _send_all(_limits(schema, operation), target, session, seen, end - seconds / len(operations) / 2)
            _send_random(_cases(operation, known, picture), seed, lambda case: _send(case, target, session, seen), end)


def _limits(schema: Any, operation: Any) -> Iterator[Any]:
    """Yield cases at and beyond the limits of every parameter, and methods that are not described."""
    generation = schema.config.generation_for(operation=operation, phase="coverage")
    return schema.iter_coverage_cases(operation, generation_modes=list(MODES), generation_config=generation)


def _cases(operation: Any, known: dict[str, str], picture: bytes) -> Any:
    fixed: list[dict[str, Any]] = [{}]
    names = {parameter.name for parameter in operation.path_parameters}
    if names and operation.method.upper() != "DELETE":
        fixed.append({"path_parameters": {name: known[name] for name in names if name in known}})
    if operation.body and "video" not in operation.path.lower():
        fixed += [{**given, "body": picture, "media_type": "application/octet-stream"} for given in fixed]
    return strategies.one_of([operation.as_strategy(mode, **given) for mode in MODES for given in fixed])


def _send_all(cases: Iterator[Any], target: Target, session: Any, seen: set[str], end: float) -> None:
    for case in cases:
        if time.monotonic() > end:
            return
        _send(case, target, session, seen)


def _send_random(cases: Any, seed: int, send: Callable[[Any], None], end: float) -> None:
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=100_000,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(cases)
    def run(case: Any) -> None:
        if time.monotonic() > end:
            raise _Over
        send(case)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            run()
        except _Over:
            return


class _Over(BaseException):
    """The time is over; Hypothesis lets only what is no Exception through at once."""


def _send(case: Any, target: Target, session: Any, seen: set[str]) -> None:
    group, what = "OpenAPI", f"OpenAPI: {case.operation.label}"
    try:
        response = case.call(base_url=target.url, session=session, timeout=PATIENCE)
    except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, UnicodeError):
        return  # the client cannot send it
    except requests.exceptions.RequestException as error:
        target.note(group, "lost", f"{what}: {error!r}: {case.as_curl_command()[:1000]}")
        return
    headers = {key.lower(): values[0] for key, values in response.headers.items()}
    target.judge(group, what, response.status_code, headers, response.content)
    try:
        case.validate_response(response, checks=list(CHECKS))
    except AssertionError as error:
        _note_once(target, seen, group, f"{what}: {response.status_code}: {error}")
    except BaseExceptionGroup as errors:
        for error in errors.exceptions:
            _note_once(target, seen, group, f"{what}: {response.status_code}: {error}\n{case.as_curl_command()[:500]}")


def _note_once(target: Target, seen: set[str], group: str, fault: str) -> None:
    """Note a fault the first time it is seen for an operation and a status."""
    key = "\n".join(fault.splitlines()[:2])[:200]
    if key not in seen:
        seen.add(key)
        target.note(group, "not as described", fault[:1500])
