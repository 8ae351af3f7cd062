"""Settings of recipes by path, such as 'run.epochs', and recipes with some of them changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass, replace
from typing import Any

from kaoiro.core.checks import require

Settings = dict[str, Any]
"""Values by path."""


def with_changes(recipe: Any, changes: Settings) -> Any:
    """Return a recipe with some settings changed."""
    for path, value in changes.items():
        recipe = _replaced(recipe, path.split("."), value)
    return recipe


def _replaced(section: Any, path: Sequence[str], value: Any) -> Any:
    if len(path) == 1:
        return replace(section, **{path[0]: tuple(value) if isinstance(value, list) else value})
    return replace(section, **{path[0]: _replaced(getattr(section, path[0]), path[1:], value)})


def flat(recipe: Any) -> Settings:
    """Return the settings of a recipe by path, as JSON knows them; where a face lies is no setting of training."""
    sections = {field.name: getattr(recipe, field.name) for field in fields(recipe) if field.name != "crop"}
    content = {name: asdict(one) if is_dataclass(one) else one for name, one in sections.items()}  # pyright: ignore
    return flattened(json.loads(json.dumps(content)))


def flattened(content: Mapping[str, Any], above: str = "") -> Settings:
    """Return nested settings by path."""
    found: Settings = {}
    for name, value in content.items():
        found |= flattened(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return found


def asked(recipe: Any, options: Sequence[str], changed: Callable[[Any, list[str]], Any]) -> Settings:
    """Return which settings options change, such as `--run.epochs 12`, and to what.

    Args:
        recipe: to start from.
        options: of the command line.
        changed: applies options to a recipe.

    Raises:
        InputError: no such setting, a value that it cannot have, or one that is no value of a single setting.
    """
    found = flat(changed(recipe, list(options)))
    paths = [one.split("=")[0].removeprefix("--").replace("-", "_") for one in options if one.startswith("--")]
    unknown = [path for path in paths if path not in found]
    require(not unknown, "options beside those of the command", "--SECTION.FIELD VALUE", ", ".join(unknown))
    return {path: found[path] for path in paths}
