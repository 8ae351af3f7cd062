"""`kaoiro train FAMILY RECIPE`: learn a model, or go on with an unfinished run."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from pathlib import Path
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
        import onnx  # noqa: F401
        import safetensors  # noqa: F401
        import tyro  # noqa: F401
    except ImportError as error:
        raise MissingExtra("kaoiro train", "train") from error
    from kaoiro.data.source import StreamConfig
    from kaoiro.data.subjects import SubjectsConfig
    from kaoiro.training import cost
    from kaoiro.training.export import export
    from kaoiro.training.families import recipes
    from kaoiro.training.fit import fit
    from kaoiro.training.generation import generators

    named = recipes(arguments.family) | generators(arguments.family)
    if arguments.recipe not in named:
        raise InputError(f"no recipe '{arguments.recipe}' in {arguments.family}; there are: {', '.join(named)}")
    rest = ["--help"] if arguments.recipe_help else arguments.rest
    if arguments.recipe in generators(arguments.family):
        return _generator(arguments, changed(named[arguments.recipe], rest))
    if arguments.budget is not None:
        rest = [*rest, "--run.budget", str(arguments.budget)]
    recipe = changed(named[arguments.recipe], rest)
    out = Path(arguments.out or f"runs/{arguments.family}-{arguments.recipe}-seed{recipe.run.seed}")
    if isinstance(recipe.data, StreamConfig):
        return _over_time(recipe, out / "model")
    if isinstance(recipe.data, SubjectsConfig):
        return _exchange(recipe, arguments.recipe, out, arguments.name or arguments.recipe)
    fitted = fit(arguments.family, recipe, out)
    budget = cost.read(out).text(fitted.recipe.run.epochs)
    name = arguments.name or arguments.recipe
    model = export(fitted, arguments.family, arguments.recipe, out / "model", name, budget)
    numbers = ", ".join(f"{key} {value:g}" for key, value in model.description.card.numbers.items())
    print(f"{model.path}: {numbers}")
    return 0


def _generator(arguments: argparse.Namespace, recipe: Any) -> int:
    """Learn to generate faces; a generator goes its own steps and has another folder."""
    from kaoiro.training.generation import fit

    for option in ("budget", "name"):
        if getattr(arguments, option) is not None:
            raise InputError(f"a generator takes no --{option}; how long it learns: --run.steps")
    out = Path(arguments.out or f"runs/{arguments.family}-{arguments.recipe}-seed{recipe.run.seed}")
    made, numbers = fit(recipe, out, lambda line: print(line, file=sys.stderr, flush=True))
    print(f"{made.folder}: {', '.join(f'{key} {value:.3g}' for key, value in numbers.items())}")
    return 0


def _exchange(recipe: Any, recipe_name: str, out: Path, name: str) -> int:
    """Learn to take identity and expression apart, in stages by turns; the folder has two graphs."""
    from kaoiro.training.exchange import fit
    from kaoiro.training.exchange_export import export

    trained = fit(recipe, out, lambda line: print(line, file=sys.stderr, flush=True))
    numbers = export(trained, recipe_name, out / "model", name).card.numbers
    print(f"{out / 'model'}: {', '.join(f'{key} {value:.3g}' for key, value in numbers.items())}")
    return 0


def _over_time(recipe: Any, out: Path) -> int:
    """Learn weights over time, which takes minutes and is not resumed."""
    from kaoiro.training import temporal

    recipe.check()
    part, about = temporal.load(recipe.data)
    objective = temporal.fit(recipe, part, progress=sys.stderr.isatty())
    figures = {key: float(value) for key, value in objective.trainer.callback_metrics.items()}
    temporal.save(objective, out, part.streams, about | {"figures": figures})
    print(f"{out}: {', '.join(f'{key} {value:.3g}' for key, value in figures.items())}")
    return 0


def changed(recipe: Any, options: list[str], listed: str = "--recipe-help") -> Any:
    """Return a recipe with `--section.field value` options applied.

    Args:
        recipe: to start from.
        options: of the command line.
        listed: what a person can type to see what can be changed.

    Raises:
        InputError: no such setting, or a value that it cannot have.
    """
    import tyro

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(type(recipe), default=recipe, args=options, prog="kaoiro train FAMILY RECIPE")
    except SystemExit as stop:
        if not stop.code:  # the list of settings was asked for
            raise
    raise InputError(f"{_reason(said.getvalue())}; what can be changed: {listed}")


def _reason(box: str) -> str:
    """Return what tyro complains of, on one line.

    It draws parts divided by rules: the complaint, hints, where help is. Where the terminal knows no box
    characters the title, else in the frame, is a part of its own.
    """
    lines = [line.strip(" │") for line in box.splitlines() if not line.startswith(("╭", "╰"))]
    parts = "\n".join("\0" if line and not line.strip("─-") else line for line in lines).split("\0")
    said = parts[0] if "╭" in box else parts[min(1, len(parts) - 1)]
    return " ".join(said.split()).rstrip(".") or "the options of the recipe cannot be read"
