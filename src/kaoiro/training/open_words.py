"""Any words, compiled with weights of CLIP that a user has: a model folder that needs no text tower.

Source:  classes as texts, compared with pictures by cosine, after Radford et al., "Learning Transferable Visual Models
         From Natural Language Supervision", ICML 2021, section 3.1.
Changed: every word is asked alone: how much better than a face at rest does it fit?
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaoiro.core.checks import require
from kaoiro.core.crops import WIDE_CROP
from kaoiro.core.files import sha256
from kaoiro.core.labels import OPEN_HEAD
from kaoiro.core.modelfile import GRAPH, Card, Description, ModelFolder, Provenance, load, write_description
from kaoiro.core.revision import commit
from kaoiro.core.spec import Head, Specification
from kaoiro.families.language_contrast.network import Enlarged
from kaoiro.nn.clip import Clip
from kaoiro.nn.clip_files import load_clip
from kaoiro.nn.prediction import Prediction
from kaoiro.nn.tokens import Tokenizer
from kaoiro.training.export import export_graph

TEMPLATES = ("a photo of a face: {}.", "a close-up photo of a {} face.", "the face of a person: {}.")
"""What is said of a word; the mean of the texts stands for it."""
REST = ("calm, without any expression", "neutral", "at rest")
"""What is said instead of a face that does not show the word."""


class OpenNetwork(nn.Module):
    """Grey faces (B, 1, S, S) -> their place among texts, and by how much each word fits better than rest.

    Args:
        clip: towers.
        tokenizer: that belongs to them.
        words: K of them.
        specification: how faces are normalised.
    """

    def __init__(self, clip: Clip, tokenizer: Tokenizer, words: Sequence[str], specification: Specification) -> None:
        super().__init__()
        self.lower = Enlarged(clip.visual, clip.sizes.image.side, specification)
        with torch.no_grad():
            said = torch.stack([_place(clip, tokenizer, [word]) for word in words])
            table = clip.logit_scale.exp() * (said - _place(clip, tokenizer, REST))
        self.register_buffer("table", table)

    def forward(self, x: Tensor) -> Prediction:
        """Return features (B, E) of length 1, and raw outputs (B, K): differences of scaled cosines."""
        h = F.normalize(self.lower(x).float(), dim=1)
        return Prediction(h, {OPEN_HEAD: h @ self.get_buffer("table").T})


def _place(clip: Clip, tokenizer: Tokenizer, words: Sequence[str]) -> Tensor:
    """Return where texts of words lie together: (E,), of length 1."""
    tokens = torch.as_tensor(tokenizer.encode([one.format(word) for word in words for one in TEMPLATES]))
    return F.normalize(F.normalize(clip.text(tokens).float(), dim=1).mean(dim=0), dim=0)


def compile_words(words: Sequence[str], weights: str | Path, merges: str | Path, folder: str | Path) -> ModelFolder:
    """Write a model folder that tells words of any kind by their texts.

    Args:
        words: in English, as CLIP learned.
        weights: file of published weights (see `nn.clip_files.load_clip`).
        merges: tokenizer file that belongs to them.
        folder: receives model.json and model.onnx.

    Raises:
        InputError: no words, one that is too long, or files that cannot be read or do not belong together.
        MissingExtra: the library of the tokenizer is not installed.
        OutputError: the folder cannot be written.
    """
    require(len(words) > 0, "words", "at least one", "none")
    clip = load_clip(weights)
    tokenizer = Tokenizer.load(merges, clip.sizes.text.context)
    known = clip.sizes.text.vocabulary
    require(
        tokenizer.vocabulary == known, f"{merges}", f"a tokenizer of {known} tokens, as {weights}", tokenizer.vocabulary
    )
    head = Head(name=OPEN_HEAD, activation="sigmoid", labels=tuple(dict.fromkeys(words)))
    specification = Specification(
        size=clip.sizes.image.side, channels=1, mean=(0.5,), std=(0.5,), crop=WIDE_CROP, heads=(head,)
    )
    network = OpenNetwork(clip, tokenizer, head.labels, specification)  # refuses texts that are too long
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    export_graph(network, specification, folder / GRAPH)
    write_description(folder, _description(folder.name, specification, Path(weights)))
    return load(folder)


def _description(name: str, specification: Specification, weights: Path) -> Description:
    words = ", ".join(specification.heads[0].labels)
    provenance = Provenance(
        recipe="language_contrast/words",
        settings={"templates": TEMPLATES, "rest": REST, "weights": weights.name, "weights_sha256": sha256(weights)},
        data="none beside that of the weights",
        seed=0,
        budget="no training",
        commit=commit(),
        created=datetime.date.today().isoformat(),
    )
    card = Card(
        summary=f"words by the texts of CLIP: {words}",
        limits=("Measured on nothing: a score says that a text fits better than one of a face at rest.",),
        licence="that of the weights",
    )
    return Description(name=name, specification=specification, files={}, provenance=provenance, card=card)
