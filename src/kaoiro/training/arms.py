"""Recipes of system C's arms, with settings that are changed for all of them alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kaoiro.core.checks import require
from kaoiro.core.errors import InputError
from kaoiro.evaluation.arms import (
    ARMS,
    BEGUN,
    COMPARISONS,
    CONTINUED,
    PRETRAINED,
    SCRATCH,
    TIED,
    UNLEARNED,
    UNSEEN,
    ZERO_SHOT,
)
from kaoiro.families.language_contrast.config import TextConfig
from kaoiro.training import settings
from kaoiro.training.families import recipes
from kaoiro.training.settings import Settings, flat, with_changes

FAMILY = "language_contrast"
EPOCHS = "run.epochs"
KEPT = (
    "run.seed",
    "run.budget",
    "run.start",
    "data.root",
    "data.labels",
    "data.dataset",
    "data.unseen",
    "network.tower",
)
"""Settings that belong to an arm, a run or a machine: nobody changes them for all arms."""
_CONTEXT = 77  # tokens of CLIP's prompts
TEXTS = {
    "clip-class-names": TextConfig(style="class", sampled=False, context=_CONTEXT),
    "clip-descriptions": TextConfig(style="descriptions", context=_CONTEXT),
    "clip-frozen-text": TextConfig(style="class", sampled=False, frozen=True, context=_CONTEXT),
    ZERO_SHOT: TextConfig(style="names", sampled=False, context=_CONTEXT),
}
"""What arms with CLIP weights say of classes."""
TOWER = "stills-both"
"""The model with whose image tower arms of `CONTINUED` begin: the toolkit's best on both annotations."""
GENTLE = 1e-3
"""Their learning rate. With it 64.2 % of training-val were right after the first of four epochs of the linear arm, with
a third of it 58.7 %; after the fourth 67.3 %, with descriptions 67.7 %."""


@dataclass(frozen=True)
class Published:
    """Weights of CLIP that a user has.

    Attributes:
        weights: file.
        merges: file of their tokenizer.
    """

    weights: str
    merges: str


def named(arms: Sequence[str], published: Published | None, option: str = "--arms") -> tuple[str, ...]:
    """Return arms in the order of plans, each once.

    Args:
        arms: names of arms, or of sections of the results for all arms in them; none given means all that begin with
            nothing, or with the weights of CLIP where those are given.
        published: weights of CLIP.
        option: of the command line.

    Raises:
        InputError: an arm that there is not, or one that needs CLIP's weights without them.
    """
    groups = {one.section: one.arms for one in COMPARISONS} | {UNSEEN: tuple(UNLEARNED)}
    unknown = [name for name in arms if name not in ARMS and name not in groups]
    require(not unknown, option, f"of {', '.join((*groups, *ARMS))}", ", ".join(unknown))
    usual = (SCRATCH.section,) if published is None else (SCRATCH.section, PRETRAINED.section)
    arms = [one for name in arms or usual for one in groups.get(name, (name,))]
    known = [name for name in ARMS if published is not None or name not in PRETRAINED.arms]
    lacking = [name for name in arms if name not in known]
    if lacking:
        raise InputError(f"{option} {', '.join(lacking)}: needs CLIP's weights: --clip FILE --merges FILE")
    return tuple(name for name in known if name in arms)


def recipe_of(arm: str, published: Published | None) -> Any:
    """Return the recipe of an arm."""
    family = recipes(FAMILY)
    if arm in CONTINUED.arms:
        one = family[arm.removeprefix(BEGUN)]
        objective = replace(one.objective, learning_rate=GENTLE, small_until=0.0)
        return replace(one, objective=objective, run=replace(one.run, start=TOWER))
    if arm in UNLEARNED:
        one = family[f"{UNSEEN}-contempt{TIED if arm.endswith(TIED) else ''}"]
        return replace(one, data=replace(one.data, unseen=(UNLEARNED[arm],)))
    if arm not in PRETRAINED.arms:
        return family[arm]
    assert published is not None
    begun, files = family["clip"], {"tower": "clip", "clip": published.weights, "merges": published.merges}
    if arm == PRETRAINED.backbone:
        network = replace(begun.network, head="linear", **files)
        return replace(begun, network=network, objective=replace(begun.objective, axes="images"))
    return replace(begun, network=replace(begun.network, text=TEXTS[arm], **files))


def alike(found: Mapping[str, Any], changes: Settings) -> dict[str, Any]:
    """Return recipes by arm with settings changed for all of them.

    Raises:
        InputError: a setting in which arms differ, one that belongs to a run, or a value that it cannot have.
    """
    known = flat(next(iter(found.values())))
    own = set(KEPT).union(_apart([flat(one) for one in found.values()]), *(_within(one) for one in _groups(found)))
    for path in changes:
        if path not in known or (path in own and path != EPOCHS):
            raise InputError(f"--{path} cannot be changed for all arms alike: it is what makes one of them, or a run")
    changed = {arm: with_changes(recipe, changes) for arm, recipe in found.items()}
    for recipe in changed.values():
        recipe.check()
    return changed


def _groups(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the recipes of all arms that those asked for are compared with, by what they begin with."""
    begun = Published("", "")
    groups = [one for one in COMPARISONS if not set(one.arms).isdisjoint(found)]
    several = [one.arms for one in groups] + [UNLEARNED] * (not set(UNLEARNED).isdisjoint(found))
    return [{arm: recipe_of(arm, begun) for arm in one} for one in several]


def _within(group: Mapping[str, Any]) -> set[str]:
    return _apart([flat(one) for one in group.values()])


def _apart(several: Sequence[Settings]) -> set[str]:
    """Return the settings in which recipes differ."""
    return {path for path in several[0] if len({json.dumps(one[path]) for one in several}) > 1}


def asked(options: Sequence[str], changed: Callable[[Any, list[str]], Any]) -> Settings:
    """Return which settings options change, and to what; see `settings.asked`."""
    return settings.asked(recipe_of(SCRATCH.backbone, None), options, changed)
