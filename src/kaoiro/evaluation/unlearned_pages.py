"""Figures of classes that were never learned, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kaoiro.evaluation import arm_pages
from kaoiro.evaluation.unlearned_figures import COSINE, PARTS, PROBABILITY

Figures = Mapping[str, Any]


def section(figures: Figures) -> list[str]:
    """Return the blocks of the section."""
    blocks = [
        arm_pages.about(figures),
        arm_pages.arms(figures),
        "### Claims of words",
        arm_pages.claims(figures["claims"]),
    ]
    for label, one in figures["classes"].items():
        if one["arms"]:
            blocks += [f"### {label[0].upper()}{label[1:]}, left out", _faces(label, one["faces"]), _areas(one["arms"])]
            blocks += ["Words of other classes for the same question (probability, together):", _others(one["arms"])]
            if one["learned"]:
                blocks += [f"Arms that learned {label}, on the same faces of PublicTest:", _learned(one["learned"])]
    return blocks


def _faces(label: str, parts: Figures) -> str:
    told = [f"{one['of the class']} of {label} and {one['others']} others from {part}" for part, one in parts.items()]
    return f"Faces: {'; '.join(told)}."


def _areas(arms: Figures) -> str:
    names = [f"{part}, {name}" for part in PARTS for name in (PROBABILITY, COSINE)]
    rows = []
    for arm, one in arms.items():
        areas = [arm_pages.level(one["AUC"][part][name]) for part in PARTS for name in (PROBABILITY, COSINE)]
        spread = one["AUC"]["together"][PROBABILITY]
        seeds = "–" if spread is None else ", ".join(f"{value:.3f}" for value in spread["by seed"])
        answered = [f"{one['answered'][kind]:.3f}" for kind in ("of the class", "of others")]
        rows.append([arm, *areas, seeds, *answered])
    head = ["arm", *(f"AUC {name}" for name in names), "by seed", "answered so: of the class", "of others"]
    return arm_pages.table(head, rows)


def _others(arms: Figures) -> str:
    names = list(next(iter(arms.values()))["other words"])
    rows = [[arm, *(f"{one['other words'][name]:.3f}" for name in names)] for arm, one in arms.items()]
    return arm_pages.table(["arm", *names], rows)


def _learned(arms: Figures) -> str:
    return arm_pages.table(["arm", "AUC PublicTest"], [[arm, arm_pages.level(one)] for arm, one in arms.items()])
