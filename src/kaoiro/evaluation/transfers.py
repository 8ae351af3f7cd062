"""Conditions of system E1 (SPEC 6.1): by which stages a network comes to the few faces that are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

First = Literal["fer28", "fer32", "ferplus", "union"]
"""What stage 1 learns: FER2013's Training; that and PublicTest; Training by the votes of FER+; Training and target."""
Framing = Literal["e-crop", "box", "fer2013"]
"""How faces of the target are cut: by the source's rule from eye corners; by the detector's box alone; as FER2013."""


@dataclass(frozen=True)
class Condition:
    """A chain of stages.

    Attributes:
        name: as in the specification, or one of ours.
        chain: in words.
        pretrained: whether it begins with stage 0, else with random weights.
        first: of stage 1; None leaves it out.
        second: whether stage 2 learns the target.
        framing: of the target's faces.
        renewed: whether the last layer begins anew in stage 2.
        longer: whether stage 2 alone has as many updates as conditions with one stage have in all.
    """

    name: str
    chain: str
    pretrained: bool = True
    first: First | None = "fer28"
    second: bool = True
    framing: Framing = "e-crop"
    renewed: bool = False
    longer: bool = False


CONDITIONS: tuple[Condition, ...] = (
    Condition("T0", "target only, random weights", pretrained=False, first=None),
    Condition("T1", "stage 0 → target", first=None),
    Condition("T2", "stage 0 → FER28 → target (cascade)"),
    Condition("T3", "stage 0 → FER32 → target", first="fer32"),
    Condition("T4", "stage 0 → FER28 ∪ target (one stage, combined)", first="union", second=False),
    Condition("T5", "stage 0 → FER28, nothing of the target", second=False),
    Condition("T6", "random weights → FER28 → target", pretrained=False),
    Condition("T7", "T2 with faces cut by the detector's box, no landmarks", framing="box"),
    Condition("T8", "T2 with the votes of FER+ in stage 1", first="ferplus"),
    Condition("T2 renewed", "T2 whose last layer begins anew in stage 2", renewed=True),
    Condition("T2 longer", "T2 with as many updates in stage 2 as T1 has in all: more than the others", longer=True),
    Condition("T2 as FER2013", "T2 with faces cut as FER2013's lie", framing="fer2013"),
)
NAMES = tuple(one.name for one in CONDITIONS)
CURVES = ("T2", "T1")
"""Conditions that also learn from few faces of each class."""
PER_CLASS = (1, 5, 10, 50)
"""How few."""
BEYOND = "{}, {} per class"
"""What such a run is called."""


def few(name: str, count: int) -> str:
    """Return what a condition is called that learns from so many faces of each class."""
    return BEYOND.format(name, count)


def for_target(framings: bool) -> tuple[Condition, ...]:
    """Return the conditions that differ on a target; one whose faces come as crops has one framing."""
    return tuple(one for one in CONDITIONS if framings or one.framing == "e-crop")


def named(names: tuple[str, ...]) -> tuple[Condition, ...]:
    """Return conditions by name; no names mean all. Unknown ones are left to the caller."""
    return tuple(one for one in CONDITIONS if not names or one.name in names)
