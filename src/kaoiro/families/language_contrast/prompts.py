"""Classes in words: prompts by class, read from `prompts.json`, which anybody may edit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import Field

from kaoiro.core.checks import require
from kaoiro.core.spec import Strict

Style = Literal["class", "names", "descriptions", "actions"]
"""'class': one text for each class, as LASTED has it; 'names': all names in all templates, as CLIP asks for FER2013;
'descriptions': what the face does; 'actions': names and descriptions together."""
Language = Literal["en", "ja", "both"]
Texts = Annotated[list[str], Field(min_length=1)]


class _Prompts(Strict):
    """The file."""

    about: str
    templates: dict[str, Texts]
    names: dict[str, dict[str, Texts]]
    descriptions: dict[str, dict[str, Texts]]
    units: dict[str, dict[str, Texts]]


@cache
def _file() -> _Prompts:
    text = (files("kaoiro.families.language_contrast") / "prompts.json").read_text(encoding="utf-8")
    return _Prompts.model_validate_json(text)


def prompts(labels: Sequence[str], style: Style = "descriptions", language: Language = "en") -> dict[str, list[str]]:
    """Return what is said of each label.

    Raises:
        InputError: a label that nothing is said of.
    """
    unknown = [label for label in labels if label not in _file().names]
    require(not unknown, "label of a prompt", f"one of {', '.join(_file().names)}", unknown)
    found: dict[str, list[str]] = {label: [] for label in labels}
    for label, one in ((label, one) for label in labels for one in languages(language)):
        found[label] += _said(label, style, one)
    return found


def _said(label: str, style: Style, language: str) -> list[str]:
    content = _file()
    templates, names = content.templates[language], content.names[label][language]
    if style == "class":
        return [templates[0].format((", " if language == "en" else "、").join(names))]
    named = [template.format(name) for name in names for template in templates]
    described = content.descriptions[label][language]
    return {"names": named, "descriptions": described, "actions": named + described}[style]


ELSEWHERE = "they say: {}"
"""What is said of the labels of a second annotation; any words would do that are not said of the first."""
SENTENCES = {"en": ("a face with {}", ", ", " and "), "ja": ("{}顔", "、", "、")}
"""How a sentence says what a face does: its form, and what stands between actions and before the last."""


def units(labels: Sequence[str], language: str) -> list[list[str]]:
    """Return what is said of each action unit, as parts of sentences.

    Raises:
        InputError: a unit that nothing is said of.
    """
    known = _file().units
    unknown = [label for label in labels if label not in known]
    require(not unknown, "action unit of a prompt", f"one of {', '.join(known)}", unknown)
    return [known[label][language] for label in labels]


def sentence(actions: Sequence[str], language: str) -> str:
    """Return a sentence that says of a face everything it does: one action or more."""
    form, between, last = SENTENCES[language]
    *others, final = actions
    return form.format(f"{between.join(others)}{last}{final}" if others else final)


def languages(language: Language) -> tuple[str, ...]:
    """Return the languages of prompts."""
    return ("en", "ja") if language == "both" else (language,)


def corpus() -> list[str]:
    """Return everything that is said of any class, in all languages: what a tokenizer of our own learns from.

    Sentences on action units share its words; stored networks know no other tokens.
    """
    labels = list(_file().names)
    return [text for said in prompts(labels, "actions", "both").values() for text in said]


def written(said: Mapping[str, Sequence[str]]) -> str:
    """Return prompts as JSON, for a model's card."""
    return json.dumps(said, ensure_ascii=False)
