"""Checks of settings: one line that names the setting, what it may be and what was given."""

from __future__ import annotations

import math

from kaoiro.core.errors import InputError


def require(holds: bool, setting: str, wish: str, value: object) -> None:
    """Refuse a setting.

    Raises:
        InputError: `holds` is false.
    """
    if not holds:
        raise InputError(f"{setting} must be {wish}, not {value}")


def at_least(setting: str, least: int, value: int) -> None:
    """Refuse a whole number below `least`.

    Raises:
        InputError: the number is smaller.
    """
    require(value >= least, setting, f"{least} or more", value)


def not_negative(setting: str, value: float) -> None:
    """Refuse what is negative, infinite or NaN.

    Raises:
        InputError: the number is none of 0 and the positive, finite ones.
    """
    require(0 <= value < math.inf, setting, "0 or a positive, finite number", value)


def positive(setting: str, value: float, unit: str = "") -> None:
    """Refuse what is not positive and finite.

    Raises:
        InputError: the number is 0, negative, infinite or NaN.
    """
    require(0 < value < math.inf, setting, f"a positive, finite number{unit and f' of {unit}'}", value)


def share(setting: str, value: float) -> None:
    """Refuse what is no share of 0–1, both included.

    Raises:
        InputError: the number lies outside.
    """
    require(0 <= value <= 1, setting, "between 0 and 1", value)


def below_one(setting: str, value: float) -> None:
    """Refuse what is no share of 0 to below 1.

    Raises:
        InputError: the number lies outside.
    """
    require(0 <= value < 1, setting, "0 or more and below 1", value)


def side(setting: str, value: int) -> None:
    """Refuse what is no side of a square input, pixels: a multiple of 8 from 16 to 1024.

    Raises:
        InputError: the number is none.
    """
    require(16 <= value <= 1024 and value % 8 == 0, setting, "a multiple of 8 from 16 to 1024", value)
