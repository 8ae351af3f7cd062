"""What adaptation begins with: the part of a model that answers expressions, as a network and as answers to faces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import nn

from kaoiro.core.errors import InputError
from kaoiro.core.labels import EXPRESSION
from kaoiro.core.modelfile import WEIGHTS, ModelFolder, load, shipped
from kaoiro.evaluation.progress import followed
from kaoiro.inference.classifier import Classifier
from kaoiro.training.start import start_from
from kaoiro.training.unfolding import built, unfolded

_AT_ONCE = 256
_JOINED = " + "
ADAPTED = "adapted/"
"""How recipes of adapted models begin."""


@dataclass(frozen=True, eq=False)
class Start:
    """A model that is adapted.

    Attributes:
        whole: as it was named.
        part: what answers its expressions: itself, or the first of the models that were joined into it.
    """

    whole: ModelFolder
    part: ModelFolder

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names of the expressions that it answers."""
        return self.part.specification.head(EXPRESSION).labels

    def network(self) -> nn.Module:
        """Return the network with its weights, to learn on.

        Raises:
            InputError: the folder has no weights and its graph cannot be read back.
        """
        network = built(self.part)
        if (self.part.path / WEIGHTS).is_file():
            start_from(network, self.part.path)
        else:
            network.load_state_dict(unfolded(self.part))
        return network.eval()


def opened(model: ModelFolder) -> Start:
    """Return a model ready to be adapted.

    Raises:
        InputError: it answers no expressions, or was joined from models that are not at hand.
    """
    if EXPRESSION not in [head.name for head in model.specification.heads]:
        raise InputError(f"model '{model.name}' answers no expressions; name another with --model")
    if ADAPTED in model.description.provenance.recipe:
        raise InputError(
            f"model '{model.name}' was adapted already; adapt the one that it came from, with all pictures"
        )
    if _JOINED not in model.description.provenance.recipe:
        return Start(model, model)
    parts = model.description.provenance.settings.get("parts", [])
    wanted = parts[0].get("graph_sha256") if parts else None
    for name in shipped():
        candidate = load(name)
        if candidate.digest == wanted:
            return Start(model, candidate)
    raise InputError(
        f"model '{model.name}' was joined from models that do not ship; name the one of expressions with --model"
    )


@dataclass(frozen=True, eq=False)
class Seen:
    """What the model that is adapted says of N faces.

    Attributes:
        features: (N, F).
        raw: (N, K) calibrated logits of the labels wanted; 0 for those that it does not know.
        known: (K,) bool, which it knows.
    """

    features: np.ndarray
    raw: np.ndarray
    known: np.ndarray


def look(start: Start, crops: np.ndarray, labels: tuple[str, ...], threads: int | None = None) -> Seen:
    """Ask the model about faces.

    Args:
        start: the model.
        crops: (N, size, size) or (N, size, size, 3) uint8.
        labels: K that are wanted.
        threads: of ONNX Runtime; None leaves it to the runtime.
    """
    classifier, starts = Classifier(start.part, threads), range(0, len(crops), _AT_ONCE)
    parts = [
        classifier.predict(crops[at : at + _AT_ONCE]) for at in followed(starts, len(starts), f"x {_AT_ONCE} faces")
    ]
    head = start.part.specification.head(EXPRESSION)
    answered = np.concatenate([part.raw[EXPRESSION] for part in parts]).astype(np.float64) / head.temperature
    known = np.isin(labels, start.labels)
    raw = np.zeros((len(crops), len(labels)))
    raw[:, known] = answered[:, [start.labels.index(label) for label in np.array(labels)[known].tolist()]]
    return Seen(np.concatenate([part.features for part in parts]).astype(np.float64), raw, known)
