"""Several models as one: a single graph that answers the expressions of the first and the further heads of the others.

Learning action units, valence and arousal in the network of expressions cost expressions some accuracy, so they have
networks of their own. Whoever uses them wants one model folder and one call all the same.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import compose

from kaoiro.core.errors import InputError
from kaoiro.core.files import writing
from kaoiro.core.labels import EXPRESSION
from kaoiro.core.modelfile import GRAPH, Card, Description, ModelFolder, Provenance, load, write_description
from kaoiro.core.revision import commit
from kaoiro.core.spec import Head
from kaoiro.training.exposed import ACTIVATION

INPUT = "pixels"


def join(models: Sequence[ModelFolder], folder: Path, name: str) -> ModelFolder:
    """Write a model folder that answers what the models answer; features and masks are those of the first.

    Args:
        models: two or more, of equal input. Heads that an earlier one answers are left out of later ones, and so are
            later ones' expressions.
        folder: receives model.json and model.onnx.
        name: of the new model.

    Raises:
        InputError: fewer than two models, other crops or sizes, or a model that adds nothing.
        OutputError: the folder cannot be written.
    """
    parts = _parts(models)
    first = models[0].specification
    graph = onnx.load(str(models[0].graph))
    for model, heads in parts[1:]:
        _append(graph, _renamed(model, [head.name for head in heads], _unused(graph)))
    onnx.checker.check_model(graph, full_check=True)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / GRAPH).write_bytes(graph.SerializeToString())
    specification = first.model_copy(update={"heads": tuple(head for _, heads in parts for head in heads)})
    provenance, card = _provenance(models), _card(parts)
    write_description(
        folder, Description(name=name, specification=specification, files={}, provenance=provenance, card=card)
    )
    return load(folder)


def _parts(models: Sequence[ModelFolder]) -> list[tuple[ModelFolder, list[Head]]]:
    """Return each model with the heads that it gives."""
    if len(models) < 2:
        raise InputError("joining needs two models or more")
    first, taken = models[0].specification, set[str]()
    parts = []
    for model in models:
        spec = model.specification
        if (spec.size, spec.channels, spec.crop) != (first.size, first.channels, first.crop):
            raise InputError(
                f"model '{model.name}' eats other crops than '{models[0].name}': size, channels or geometry"
            )
        heads = [head for head in spec.heads if head.name not in taken]
        if parts:
            heads = [head for head in heads if not head.name.startswith(EXPRESSION)]
        if not heads:
            raise InputError(f"model '{model.name}' adds no head; it has: {', '.join(h.name for h in spec.heads)}")
        taken |= {head.name for head in heads}
        parts.append((model, heads))
    return parts


def _renamed(model: ModelFolder, heads: list[str], prefix: str) -> Any:
    """Return a model's graph with the outputs of some heads, and what it calls things prefixed."""
    graph = onnx.load(str(model.graph))
    there = {output.name for output in graph.graph.output}
    wanted = [*heads, *(f"{ACTIVATION}_{head}" for head in heads if f"{ACTIVATION}_{head}" in there)]
    pruned = onnx.utils.Extractor(graph).extract_model([INPUT], wanted)
    prefixed = compose.add_prefix(pruned, prefix)
    back = {f"{prefix}{name}": name for name in (INPUT, *wanted)}
    for node in prefixed.graph.node:
        node.input[:] = [back.get(value, value) for value in node.input]
        node.output[:] = [back.get(value, value) for value in node.output]
    for value in prefixed.graph.output:
        value.name = back.get(value.name, value.name)
    return prefixed


def _unused(graph: Any) -> str:
    """Return a prefix that nothing in a graph has; one that was joined before has some."""
    taken = {name for node in graph.graph.node for name in node.output} | {one.name for one in graph.graph.initializer}
    prefixes = (f"part_{number}_" for number in itertools.count(1))
    return next(prefix for prefix in prefixes if not any(name.startswith(prefix) for name in taken))


def _append(graph: Any, other: Any) -> None:
    """Add another graph's nodes, weights and outputs."""
    if {item.domain: item.version for item in graph.opset_import} != {i.domain: i.version for i in other.opset_import}:
        raise InputError("the models were exported with different sets of operators; export them anew")
    graph.graph.node.extend(other.graph.node)
    graph.graph.initializer.extend(other.graph.initializer)
    graph.graph.output.extend(other.graph.output)


def _provenance(models: Sequence[ModelFolder]) -> Provenance:
    origins = [model.description.provenance for model in models]
    return Provenance(
        recipe=" + ".join(origin.recipe for origin in origins),
        settings={
            "parts": [
                {"name": model.name, "graph_sha256": model.digest, "provenance": origin.model_dump(mode="json")}
                for model, origin in zip(models, origins, strict=True)
            ]
        },
        data=" + ".join(origin.data for origin in origins),
        seed=origins[0].seed,
        budget=" + ".join(origin.budget for origin in origins),
        commit=commit(),
        created=datetime.date.today().isoformat(),
    )


def _card(parts: Sequence[tuple[ModelFolder, list[Head]]]) -> Card:
    """Return a card with the figures of the heads that are answered, and everybody's limits once."""
    first = parts[0][0].description.card
    numbers = dict(first.numbers)
    summary, limits, licences = [first.summary], list(first.limits), [first.licence]
    for model, heads in parts[1:]:
        card = model.description.card
        names = [*(head.name for head in heads), *(label for head in heads for label in head.labels)]
        numbers |= {
            key: value for key, value in card.numbers.items() if any(f"_{name}_" in f"{key}_" for name in names)
        }
        summary.append(", ".join(head.name.replace("_", " ") for head in heads))
        limits += [limit for limit in card.limits if limit not in limits]
        licences += [card.licence] if card.licence not in licences else []
    return Card(summary="; ".join(summary), numbers=numbers, limits=tuple(limits), licence=" ".join(licences))
