"""Write a folder with a generator that was hardly trained, in the layout of those that `kaoiro train` writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kaoiro.families.multitask_affect.adversarial import Adversarial
from kaoiro.families.multitask_affect.generation import GENERATORS, GenerationRecipe
from kaoiro.training.generation import export, load


def write(folder: Path, conditional: bool = True) -> tuple[Adversarial, Path]:
    """Train two steps on drawn faces; return what was trained and the folder of its generator."""
    tiny = GENERATORS["generator-tiny"]
    run = replace(tiny.run, steps=2, epoch=2, generator=replace(tiny.run.generator, conditional=conditional))
    recipe = GenerationRecipe(tiny.data, run)
    trained = Adversarial(run).fit(load(recipe.data, 48).training, tick=lambda _: None)
    return trained, export(trained, recipe, folder, "drawn faces", "2 steps")
