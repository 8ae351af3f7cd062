"""The faces that a run sees in two views, and what shall be read from their codes."""

from __future__ import annotations

import numpy as np
import torch

from kaoiro.core.errors import DataError, InputError
from kaoiro.data.subjects import People
from kaoiro.data.views import ViewDraws
from kaoiro.faces import gradients
from kaoiro.faces.align import to_luma
from kaoiro.families.identity_expression.recipe import Recipe
from kaoiro.families.identity_expression.views import Viewed
from kaoiro.metrics.components import Components, principal

_LOOKED_AT = 8192
"""Faces by which the principal components of histograms are found."""


class ViewSteps:
    """The views' part of each step.

    Args:
        people: faces, known and unlabelled.
        recipe: settings of views, seed.

    Raises:
        DataError: there are fewer than two faces, or all are alike.
    """

    def __init__(self, people: People, recipe: Recipe) -> None:
        self._config, self._seed = recipe.views, recipe.run.seed
        known, subjects = people.training.pixels, people.training.subjects
        nobody = recipe.data.dataset == "unlabelled"
        self._known = known[:0] if nobody else known
        self._subjects = np.empty(0, str) if nobody or subjects is None else subjects
        self._unlabelled = np.empty((0, 8, 8), np.uint8) if people.unlabelled is None else people.unlabelled
        self._draws: tuple[int, ViewDraws] = (0, self._drawing(0))
        self._components = self._found() if recipe.views.gradients else None

    @property
    def steps(self) -> int:
        """Full batches in one pass."""
        return self._draws[1].steps

    def _drawing(self, stage: int) -> ViewDraws:
        config, count = self._config, len(self._unlabelled)
        return ViewDraws(count, self._subjects, config.batch, config.known, config.people, (self._seed, stage))

    def _found(self) -> Components:
        """Return the principal components of the unlabelled faces, or of the known ones where there are no others."""
        faces = self._unlabelled if len(self._unlabelled) else self._known
        rows = np.sort(np.random.default_rng(0).permutation(len(faces))[:_LOOKED_AT])
        try:
            return principal(self._histograms(faces[rows]), self._config.components)
        except InputError as error:
            raise DataError("the faces that views are learned from are all alike") from error

    def _histograms(self, faces: np.ndarray) -> np.ndarray:
        """Return histograms of gradients; where views are mirrored, what they share with those of the mirrored face."""
        grey = faces if faces.ndim == 3 else np.stack([to_luma(face) for face in faces])
        found = gradients.histograms(grey)
        return gradients.symmetrical(found) if self._config.augmentation.flip else found

    def __call__(self, stage: int, step: int) -> Viewed:
        """Return what a step of a stage sees."""
        if self._draws[0] != stage:
            self._draws = stage, self._drawing(stage)
        draw = self._draws[1](step)
        unlabelled, known = self._unlabelled[draw.unlabelled], self._known[draw.known]
        wished = np.empty((len(draw.groups), 0), np.float32)
        if self._components is not None:
            parts = [self._components(self._histograms(faces)) for faces in (unlabelled, known) if len(faces)]
            wished = np.concatenate(parts)
        return Viewed(
            *(torch.from_numpy(np.ascontiguousarray(one)) for one in (unlabelled, known, draw.groups, wished))
        )
