"""`kaoiro models`: what ships inside the package."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from kaoiro.core.labels import AFFECT_HEAD, SPREAD_HEAD, UNIT_NAMES, UNITS_HEAD, unit_number


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "models", help="the models that ship: labels, numbers, licence", description=__doc__
    )
    parser.add_argument("name", nargs="?", metavar="NAME|FOLDER", help="one model, complete")
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.core import modelfile
    from kaoiro.inference import portraits

    if arguments.name in (generators := portraits.shipped()):
        made = portraits.read(generators[arguments.name])
        print(json.dumps([made.model_dump(mode="json")], indent=2) if arguments.json else "\n".join(_generator(made)))
        return 0
    names = [arguments.name] if arguments.name else list(modelfile.shipped())
    models = [modelfile.load(name) for name in names]
    if arguments.json:
        print(json.dumps([model.description.model_dump(mode="json") for model in models], indent=2))
        return 0
    drawing = [] if arguments.name else [portraits.read(folder) for folder in generators.values()]
    for lines in (*map(describe, models), *map(_generator, drawing)):
        print("\n".join(lines))
    if not models:
        print("kaoiro: no model ships with this installation", file=sys.stderr)
    return 0


def describe(model: Any) -> list[str]:
    """Return a model's card as lines."""
    text, spec, origin = model.description, model.specification, model.description.provenance
    kind = "grey" if spec.channels == 1 else "RGB"
    lines = [
        f"{model.name}: {text.card.summary}",
        f"  input     {spec.size}x{spec.size} {kind}, crop '{spec.crop.name}'",
    ]
    lines += [f"  {head.name:<9} {_answers(head)} (temperature {head.temperature:g})" for head in spec.heads]
    lines += [f"  measured  {name} {value:g}" for name, value in text.card.numbers.items()]
    lines += [f"  limits    {limit}" for limit in text.card.limits]
    lines += [
        f"  learned   {origin.data}; recipe {origin.recipe}, seed {origin.seed}, {origin.budget}; {origin.created}, "
        f"commit {origin.commit}",
        f"  licence   {text.card.licence}",
        f"  size      {model.graph.stat().st_size / 1e6:.1f} MB, sha256 {model.digest[:16]}…",
    ]
    return lines


def _generator(made: Any) -> list[str]:
    """Return the card of a generator, which `kaoiro generate` draws with, as lines."""
    origin = made.provenance
    return [
        f"{made.name} (kaoiro generate --model {made.name}): {made.card.summary}",
        *(f"  measured  {name} {value:g}" for name, value in made.card.numbers.items()),
        *(f"  limits    {limit}" for limit in made.card.limits),
        f"  learned   {origin.data}; recipe {origin.recipe}, seed {origin.seed}, {origin.budget}; {origin.created}, "
        f"commit {origin.commit}",
        f"  licence   {made.card.licence}",
    ]


def _answers(head: Any) -> str:
    """Return what a head answers, in words."""
    labels = ", ".join(head.labels)
    if head.name == AFFECT_HEAD:
        return f"{labels}: -1 to 1"
    if head.name == SPREAD_HEAD:
        return f"standard deviations of {labels}"
    if head.name == UNITS_HEAD and set(head.labels) <= set(UNIT_NAMES):
        named = (f"{unit_number(unit)} {UNIT_NAMES[unit]} ({least:g})" for unit, least in head.present_from.items())
        return f"{len(head.labels)} action units, visible from the probability in brackets on: {', '.join(named)}"
    return labels
