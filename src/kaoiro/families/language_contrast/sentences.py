"""Sentences on what faces do, made anew in each step from the action units that a model reads on them.

Why sentences: a text tower that hears of classes alone learns one place for each class, whatever its words. What it is
to learn is what the words mean: "raised inner brows" wherever they stand. So every unit is said alone, and units that
single faces of the batch show are said together, in one of several phrasings each. Units of a sentence count as
independent given the face: the sentence is true with the product of their probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kaoiro.core.labels import MEASURED_UNITS
from kaoiro.families.language_contrast.prompts import Language, languages, sentence, units
from kaoiro.nn.tokens import Tokenizer

_THERE = 0.5


def drawn(shares: np.ndarray, count: int, longest: int, rng: np.random.Generator) -> list[list[int]]:
    """Return which units each sentence names: every unit alone, then some of those that single faces show.

    Args:
        shares: (B, U) probabilities of units, 0.5 at the threshold of each; NaN where a face was not read.
        count: faces that are drawn; those that show nothing get no sentence.
        longest: units in a sentence at most.
        rng: draws faces, units and their order.
    """
    found = [[unit] for unit in range(shares.shape[1])]
    for face in rng.integers(0, len(shares), count):
        shown = rng.permutation(np.flatnonzero(shares[face] >= _THERE))
        if len(shown):
            found.append(shown[: rng.integers(1, longest + 1)].tolist())
    return found


def worded(named: Sequence[Sequence[int]], language: Language, rng: np.random.Generator) -> list[str]:
    """Return sentences that name units of `MEASURED_UNITS`, each action in one of its phrasings.

    Args:
        named: units of each sentence.
        language: of the sentences; of 'both', each is in one of them.
        rng: draws languages and phrasings.
    """
    said = {one: units(MEASURED_UNITS.labels, one) for one in languages(language)}
    texts = []
    for one in named:
        tongue = rng.choice(list(said))
        texts.append(sentence([str(rng.choice(said[tongue][unit])) for unit in one], tongue))
    return texts


def longest_of(language: Language, longest: int, tokenizer: Tokenizer) -> list[str]:
    """Return the longest sentence of each language, which must fit a text tower too."""
    found = []
    for tongue in languages(language):
        phrases = [phrase for one in units(MEASURED_UNITS.labels, tongue) for phrase in one]
        lengths = tokenizer.encode(phrases, cut=True).argmax(axis=1)
        found.append(sentence([phrases[row] for row in np.argsort(lengths)[-longest:]], tongue))
    return found


def truths(shares: Tensor, named: Sequence[Sequence[int]]) -> Tensor:
    """Return how probable it is that each sentence is true of each face: (B, U) -> (B, T)."""
    return torch.stack([shares[:, list(one)].prod(dim=1) for one in named], dim=1)
