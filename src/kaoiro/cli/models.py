"""`kaoiro models`: what ships inside the package."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from kaoiro.core.labels import AFFECT_HEAD, SPREAD_HEAD, UNIT_NAMES, UNITS_HEAD, unit_number

EXCHANGING = "swap, interpolate, embed, similar"
"""Commands that use exchange models."""


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
    found = _found(arguments.name)
    if arguments.json:
        print(json.dumps([said.model_dump(mode="json") for said, _ in found], indent=2))
        return 0
    for _, lines in found:
        print("\n".join(lines))
    if not found:
        print("kaoiro: no model ships with this installation", file=sys.stderr)
    return 0


def _found(name: str | None) -> list[tuple[Any, list[str]]]:
    """Return the description of one model, or of all that ship, and its card as lines."""
    from kaoiro.core import modelfile
    from kaoiro.inference import exchange, portraits

    kinds = (modelfile.shipped(), _model), (portraits.shipped(), _generator), (exchange.shipped(), _exchange)
    ships = [(one, card) for names, card in kinds for one in names]
    if name is None:
        return [card(one) for one, card in ships]
    own = _exchange if (Path(name) / exchange.DESCRIPTION).is_file() else _model
    return [next((card for one, card in ships if one == name), own)(name)]


def _model(name: str) -> tuple[Any, list[str]]:
    from kaoiro.core import modelfile

    model = modelfile.load(name)
    return model.description, describe(model)


def describe(model: Any) -> list[str]:
    """Return a model's card as lines."""
    text, spec = model.description, model.specification
    kind = "grey" if spec.channels == 1 else "RGB"
    lines = [
        f"{model.name}: {text.card.summary}",
        f"  input     {spec.size}x{spec.size} {kind}, crop '{spec.crop.name}'",
    ]
    lines += [f"  {head.name:<9} {_answers(head)} (temperature {head.temperature:g})" for head in spec.heads]
    lines += [
        *_known(text),
        f"  size      {model.graph.stat().st_size / 1e6:.1f} MB, sha256 {model.digest[:16]}…",
    ]
    return lines


def _generator(name: str) -> tuple[Any, list[str]]:
    """Return a generator, which `kaoiro generate` draws with."""
    from kaoiro.inference import portraits

    made = portraits.read(portraits.find(name))
    return made, [f"{made.name} (kaoiro generate --model {name}): {made.card.summary}", *_known(made)]


def _exchange(name: str) -> tuple[Any, list[str]]:
    """Return a model that takes identity and expression apart, which `kaoiro swap` and its kin use."""
    from kaoiro.inference import exchange

    folder = exchange.find(name)
    made = exchange.read(folder)
    size = sum((folder / graph).stat().st_size for graph in (exchange.ENCODER, exchange.DECODER))
    identity = f"identity {made.identity} numbers" if made.identity else "no identity"
    near = f"; identities up to {made.same_person:g} apart count as one person" if made.same_person else ""
    return made, [
        f"{made.name} (kaoiro {EXCHANGING} --model {name}): {made.card.summary}",
        f"  input     {made.side}x{made.side} RGB, crop '{made.crop.name}'",
        f"  codes     expression {made.expression} numbers, {identity}{near}",
        *_known(made),
        f"  size      {size / 1e6:.1f} MB, sha256 of the encoder {made.files[exchange.ENCODER][:16]}…",
    ]


def _known(made: Any) -> list[str]:
    """Return what was measured, what is known to fail, where a model came from and its licence, as lines."""
    origin = made.provenance
    return [
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
