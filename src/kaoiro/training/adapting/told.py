"""What an adaptation found, in words, figures and a picture."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from PIL import Image

from kaoiro.evaluation import report
from kaoiro.evaluation.confusion_picture import side_by_side
from kaoiro.metrics.accuracy import confusion, macro_recall, recalls
from kaoiro.metrics.calibration import expected_calibration_error, fit_temperature, negative_log_likelihood
from kaoiro.training.adapting.adapt import NOTHING, Adaptation

LONGEST = 11
"""Signs of a label that a picture has room for."""


def figures(found: Adaptation) -> dict[str, Any]:
    """Return all figures."""
    choice, material = found.choice, found.material
    before = "accuracy before" if found.knew else "accuracy of always answering the most frequent label"
    plain: dict[str, Any] = {
        "pictures": len(material),
        "people": material.people or None,
        "groups never divided": len(np.unique(material.groups)),
        "adapted": found.started,
        "taken": found.taken,
        before: choice.before,
        f"{before}, interval": list(choice.before_interval),
        "accuracy to expect": choice.after,
        "accuracy to expect, interval": list(choice.after_interval),
        "gain to expect": choice.gain,
        "gain to expect, interval": list(choice.gain_interval),
        "temperature": found.temperature,
    }
    if found.taken == NOTHING:  # the folder's temperature is the model's own
        del plain["temperature"]
        if not found.knew:  # nothing in the folder answers these labels
            plain = {name: value for name, value in plain.items() if not name.startswith(("accuracy to", "gain to"))}
    plain |= {f"left out: {reason}": len(ids) for reason, ids in material.left_out.items()}
    return plain | {
        "tried": {name: _measured(found, name) for name in found.names},
        "labels": _labels(found),
        **_growth(found),
    }


def _measured(found: Adaptation, name: str) -> dict[str, Any]:
    raw, truth = found.scores[name], found.material.truth
    shares = _shares(raw / fit_temperature(raw, truth))
    counts = confusion(truth, raw.argmax(axis=1), raw.shape[1])
    place = found.names.index(name)
    return {
        "accuracy": float((raw.argmax(axis=1) == truth).mean()),
        "macro recall": float(macro_recall(counts)),
        "log loss": negative_log_likelihood(shares, truth),
        "ECE": expected_calibration_error(shares, truth),
        "taken in": found.choice.taken[place],
    }


def _shares(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _counts(found: Adaptation, name: str) -> np.ndarray:
    return confusion(found.material.truth, found.scores[name].argmax(axis=1), len(found.material.labels))


def _labels(found: Adaptation) -> dict[str, dict[str, Any]]:
    before, after = (recalls(_counts(found, name)) for name in (NOTHING, found.taken))
    pictures = np.bincount(found.material.truth, minlength=len(before))
    return {
        label: {"pictures": int(pictures[k]), "recall before": float(before[k]), "recall after": float(after[k])}
        for k, label in enumerate(found.material.labels)
    }


def _growth(found: Adaptation) -> dict[str, Any]:
    grown = found.growth
    if grown is None:
        return {}
    rows = {f"{size:.0f} pictures": {"accuracy": one} for size, one in zip(grown.sizes, grown.accuracies, strict=True)}
    return {
        "learning curve": rows,
        "further pictures": grown.more,
        "gain by them": grown.gain,
        "gain by them, interval": list(grown.gain_interval),
    }


def warnings(found: Adaptation) -> list[str]:
    """Return what a user should know before trusting the figures."""
    lines = [_left_out(reason, ids) for reason, ids in found.material.left_out.items()]
    nameless = found.material.nameless
    if found.material.people and nameless:
        lines.append(
            f"nobody is named in {nameless} of {len(found.material)} pictures, so that whoever is seen there may be "
            "learned from and judged by: figures may be too good for new people"
        )
    if not found.material.people:
        lines.append(
            "nobody is named (no column 'person'), so that one person may be learned from and judged by: figures may "
            "be too good for new people"
        )
    return lines


def _left_out(reason: str, ids: list[str]) -> str:
    what = "picture is" if len(ids) == 1 else "pictures are"
    return f"{len(ids)} {what} left out ({reason}): {', '.join(ids[:3])}{', …' if len(ids) > 3 else ''}"


def text(found: Adaptation) -> str:
    """Return what to tell at the end: what was taken, what to expect, tables."""
    choice = found.choice
    if found.taken == NOTHING and not found.knew:
        head = (
            f"the labels {', '.join(found.material.labels)} could not be learned surely from these pictures: "
            f"{found.model.path} is {found.started} as it was, which does not answer all of them; "
            "label more pictures, of more people"
        )
    elif found.taken == NOTHING:
        head = f"nothing tried is surely better than {found.started}: {found.model.path} is that model as it was"
    else:
        head = (
            f"{found.model.path}: {found.taken}; accuracy {choice.before:.1%} before, {choice.after:.1%} to expect "
            f"({choice.after_interval[0]:.1%} to {choice.after_interval[1]:.1%}), "
            f"gain {100 * choice.gain:+.1f} points ({100 * choice.gain_interval[0]:+.1f} to "
            f"{100 * choice.gain_interval[1]:+.1f})"
        )
    return f"{head}\n{_more(found)}\n{report.text(figures(found))}"


def _more(found: Adaptation) -> str:
    grown = found.growth
    if grown is None:
        return ""
    low, high = (100 * end for end in grown.gain_interval)
    return f"{grown.more} more pictures would give about {100 * grown.gain:+.1f} points ({low:+.1f} to {high:+.1f})\n"


def as_json(found: Adaptation) -> str:
    """Return all figures and what was left out as JSON."""
    content = figures(found) | {
        "confusion": {
            name: {"labels": list(found.material.labels), "counts": _counts(found, name).tolist()}
            for name in dict.fromkeys((NOTHING, found.taken))
        },
        "pictures left out": found.material.left_out,
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


def picture(found: Adaptation) -> Image.Image:
    """Return confusion matrices before and after; long labels are cut."""
    labels = [label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…" for label in found.material.labels]
    titles = {NOTHING: f"before: {found.started if found.knew else 'the most frequent label'}"}
    titles |= {} if found.taken == NOTHING else {found.taken: f"after: {found.taken}, faces not learned from"}
    matrices = {title: {"labels": labels, "counts": _counts(found, name).tolist()} for name, title in titles.items()}
    return side_by_side(list(matrices.items()))
