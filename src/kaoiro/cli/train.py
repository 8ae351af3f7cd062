"""`kaoiro train FAMILY RECIPE`: learn a model, or go on with an unfinished run."""

from __future__ import annotations

import argparse
import time
from typing import Any

from kaoiro.core.errors import InputError, MissingExtra


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "train",
        help="learn a model from a recipe",
        description=f"{__doc__} Further options change the recipe: --SECTION.FIELD VALUE (list: --recipe-help).",
    )
    parser.add_argument("family", help="for example residual_attention")
    parser.add_argument("recipe", help="for example ferplus; 'tiny' learns drawn faces within seconds")
    parser.add_argument("--out", metavar="DIR", help="folder of the run (default: runs/FAMILY-RECIPE-seedN)")
    parser.add_argument("--name", help="of the model (default: the recipe)")
    parser.add_argument("--budget", type=float, metavar="HOURS", help="scale the whole schedule to this time")
    parser.add_argument("--recipe-help", action="store_true", help="list what can be changed in the recipe")
    parser.set_defaults(run=run, takes_rest=True)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    try:
        import lightning  # noqa: F401
        import tyro
    except ImportError as error:
        raise MissingExtra("kaoiro train", "train") from error
    from pathlib import Path

    from kaoiro.training.export import export
    from kaoiro.training.fit import fit, recipes

    named = recipes(arguments.family)
    if arguments.recipe not in named:
        raise InputError(f"no recipe '{arguments.recipe}' in {arguments.family}; there are: {', '.join(named)}")
    rest = ["--help"] if arguments.recipe_help else arguments.rest
    if arguments.budget is not None:
        rest = [*rest, "--run.budget", str(arguments.budget)]
    default = named[arguments.recipe]
    recipe = tyro.cli(type(default), default=default, args=rest, prog="kaoiro train FAMILY RECIPE")
    out = Path(arguments.out or f"runs/{arguments.family}-{arguments.recipe}-seed{recipe.run.seed}")
    start = time.perf_counter()
    fitted = fit(arguments.family, recipe, out)
    hours = (time.perf_counter() - start) / 3600
    budget = f"{fitted.recipe.run.epochs} epochs, {hours:.2f} h in this call"
    name = arguments.name or arguments.recipe
    model = export(fitted, arguments.family, arguments.recipe, out / "model", name, budget)
    numbers = ", ".join(f"{key} {value:g}" for key, value in model.description.card.numbers.items())
    print(f"{model.path}: {numbers}")
    return 0
