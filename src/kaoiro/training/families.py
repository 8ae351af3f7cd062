"""Families of models by name: their recipes, and what they learn."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any

import kaoiro.families
from kaoiro.core.errors import InputError


def families() -> list[str]:
    """Return the names of all families: the folders under `kaoiro.families`."""
    return sorted(item.name for item in pkgutil.iter_modules(kaoiro.families.__path__) if item.ispkg)


def recipes(family: str) -> dict[str, Any]:
    """Return the named recipes of a family.

    Raises:
        InputError: there is no such family.
    """
    if family not in families():
        raise InputError(f"no family '{family}'; there are: {', '.join(families())}")
    return importlib.import_module(f"kaoiro.families.{family}.recipe").RECIPES


def objective_module(family: str) -> ModuleType:
    """Return the module that holds the family's `Objective`."""
    return importlib.import_module(f"kaoiro.families.{family}.objective")
