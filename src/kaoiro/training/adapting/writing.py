"""The candidate taken as an ordinary model folder, with everything else that the model answered before."""

from __future__ import annotations

import datetime
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.files import writing
from kaoiro.core.labels import EXPRESSION, Vocabulary
from kaoiro.core.modelfile import (
    DESCRIPTION,
    GRAPH,
    Card,
    Description,
    ModelFolder,
    Provenance,
    load,
    set_limits,
    write_description,
)
from kaoiro.core.revision import commit
from kaoiro.core.spec import Head
from kaoiro.metrics.accuracy import confusion, macro_recall
from kaoiro.metrics.calibration import expected_calibration_error, fit_temperature, negative_log_likelihood
from kaoiro.metrics.selection import Choice
from kaoiro.training.adapting.candidates import NAMES, Bench, head_name
from kaoiro.training.adapting.start import ADAPTED
from kaoiro.training.export import export_graph
from kaoiro.training.join import join

BY_GROUP = "By group: "
"""How limits that `kaoiro.evaluation.groups` writes begin; importing that would bring the renderer."""
TRIAL = re.compile(r"[0-9a-f]{32}\.npy|\.[0-9a-f]{32}\.part\d+\.npy")
"""Names of the files of trials, and of halves of them that a stopped process left."""


def write(
    bench: Bench, taken: str, out: Path, name: str, scores: np.ndarray, choice: Choice, folds: int
) -> ModelFolder:
    """Write the model folder: of the candidate taken, or a copy of the model as it was where none was.

    Args:
        bench: model and faces.
        taken: candidate.
        out: folder.
        name: of the model.
        scores: (N, K) of the candidate, about faces that it did not learn from.
        choice: what to expect of it.
        folds: of the cross-validation.

    Raises:
        OutputError: the folder cannot be written.
    """
    if taken == NAMES[0]:  # also where labels are new: without learning, they would be answered by their frequency
        return _copied(bench.start.whole, out)
    with tempfile.TemporaryDirectory() as folder:
        own = _own(bench, taken, Path(folder) / "own", name, scores, choice, folds)
        return _with_the_rest(bench, own, out, name)


def forget(folder: Path) -> None:
    """Remove the trials that are kept in a folder, and the folder if nothing else is in it."""
    for file in folder.glob("*.npy"):
        if TRIAL.fullmatch(file.name):
            file.unlink(missing_ok=True)
    with suppress(OSError):  # there are other files, or there is no folder
        folder.rmdir()


def _copied(model: ModelFolder, out: Path) -> ModelFolder:
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        for file in (GRAPH, DESCRIPTION):
            shutil.copyfile(model.path / file, out / file)
    return load(out)


def _own(
    bench: Bench, taken: str, folder: Path, name: str, scores: np.ndarray, choice: Choice, folds: int
) -> ModelFolder:
    """Write what was adapted alone."""
    material, part = bench.material, bench.start.part
    adapted = bench.model(taken, np.arange(len(material)))
    temperature = round(fit_temperature(scores, material.truth), 4)
    head = Head(name=adapted.name, activation="softmax", labels=material.labels, temperature=temperature)
    specification = part.specification.model_copy(update={"heads": (head,)})
    folder.mkdir(parents=True)
    export_graph(adapted, specification, folder / GRAPH)
    description = Description(
        name=name,
        specification=specification,
        files={},
        provenance=_provenance(bench, taken, folds),
        card=_card(bench, taken, scores / temperature, choice),
    )
    write_description(folder, description)
    return load(folder)


def _with_the_rest(bench: Bench, own: ModelFolder, out: Path, name: str) -> ModelFolder:
    """Write a folder with the heads that the model had beside its expressions, or with them where labels are others."""
    whole = bench.start.whole
    first, second = (own, whole) if head_name(bench.material.labels) == EXPRESSION else (whole, own)
    others = {head.name for head in second.specification.heads if not head.name.startswith(EXPRESSION)}
    if not others - {head.name for head in first.specification.heads}:
        return _copied(own, out)
    found = join([first, second], out, name)
    if first is not own:
        return found
    set_limits(found, tuple(dict.fromkeys(map(_before, found.description.card.limits))))
    return load(out)


def _before(limit: str) -> str:
    """Return a limit; of what was found by group it says that the model was another one then."""
    return f"Before it was adapted, {limit[0].lower()}{limit[1:]}" if limit.startswith(BY_GROUP) else limit


def _provenance(bench: Bench, taken: str, folds: int) -> Provenance:
    material, part = bench.material, bench.start.part
    origin = {"name": part.name, "graph_sha256": part.digest}
    settings: dict[str, Any] = {"method": taken, "start": origin, "folds": folds, "labels": list(material.labels)}
    people = f" of {material.people} people" if material.people else ""
    return Provenance(
        recipe=f"{ADAPTED}{taken.replace(' ', '-')}",
        settings=settings,
        data=f"{len(material)} pictures{people} of a user, after {part.description.provenance.data}",
        seed=bench.seed,
        budget="minutes",
        commit=commit(),
        created=datetime.date.today().isoformat(),
    )


def _card(bench: Bench, taken: str, scores: np.ndarray, choice: Choice) -> Card:
    material, part = bench.material, bench.start.part.description
    known = Vocabulary("own", material.labels)
    counts = confusion(material.truth, scores.argmax(axis=1), len(known))
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    numbers = {
        "folds_own_n": float(len(material)),
        "folds_own_accuracy_before": choice.before,
        "folds_own_accuracy": choice.after,
        "folds_own_accuracy_low": choice.after_interval[0],
        "folds_own_accuracy_high": choice.after_interval[1],
        "folds_own_macro_recall": macro_recall(counts),
        "folds_own_ece": expected_calibration_error(shares, material.truth),
        "folds_own_nll": negative_log_likelihood(shares, material.truth),
    }
    divided = "people" if material.people else "pictures (nobody is named, so the same person may be on both sides)"
    limits = (
        "Adapted to one place's pictures: elsewhere it may be worse than the model it came from.",
        f"Figures by cross-validation over {divided}, corrected for the choice of the method.",
        *map(_before, part.card.limits),
    )
    summary = f"{part.name}, adapted ({taken}) to {len(material)} pictures: {', '.join(material.labels)}"
    return Card(
        summary=summary,
        numbers={key: round(float(value), 4) for key, value in numbers.items() if np.isfinite(value)},
        limits=limits,
        licence=f"{part.card.licence} And what your own pictures allow.",
    )
