"""Names of the weights in published files of two-tower networks, brought to those of the authors.

Three namings are in use: the authors' own; open_clip's, which is the same with the text tower under `text.` in some
networks; and that of the library transformers, which keeps query, key and value apart and projections transposed.
"""

from __future__ import annotations

import torch
from torch import Tensor

TEXT = ("transformer.", "token_embedding.", "positional_embedding", "ln_final.", "text_projection")
"""Beginnings of the authors' names in the text tower; those of the image tower begin with `visual.`."""
_NO_WEIGHTS = {"input_resolution", "context_length", "vocab_size", "attn_mask"}
_TRANSPOSED = {"text_projection.weight": "text_projection", "visual_projection.weight": "visual.proj"}
_RENAMED = (
    ("text_model.encoder.layers.", "transformer.resblocks."),
    ("text_model.embeddings.token_embedding.", "token_embedding."),
    ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
    ("text_model.final_layer_norm.", "ln_final."),
    ("vision_model.encoder.layers.", "visual.transformer.resblocks."),
    ("vision_model.embeddings.class_embedding", "visual.class_embedding"),
    ("vision_model.embeddings.patch_embedding.", "visual.conv1."),
    ("vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"),
    ("vision_model.pre_layrnorm.", "visual.ln_pre."),  # the library's own spelling
    ("vision_model.post_layernorm.", "visual.ln_post."),
    (".layer_norm1.", ".ln_1."),
    (".layer_norm2.", ".ln_2."),
    (".mlp.fc1.", ".mlp.c_fc."),
    (".mlp.fc2.", ".mlp.c_proj."),
    (".self_attn.", ".attn."),
)


def published(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict of any of the three namings under the authors' names, without what is no weight."""
    if state and all(name.startswith("module.") for name in state):  # of training on several devices
        state = {name.removeprefix("module."): value for name, value in state.items()}
    if any(name.startswith("text_model.") for name in state):
        return _from_transformers(state)
    state = {name.removeprefix("text."): value for name, value in state.items()}
    return {name: value for name, value in state.items() if name not in _NO_WEIGHTS}


def _from_transformers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    renamed: dict[str, Tensor] = {}
    for name, value in state.items():
        if name in _TRANSPOSED:
            renamed[_TRANSPOSED[name]] = value.T
        elif not name.endswith("embeddings.position_ids"):
            renamed[_renamed(name)] = value
    for name in [name for name in renamed if ".attn.q_proj." in name]:
        _join(renamed, name)
    return renamed


def _renamed(name: str) -> str:
    for old, new in _RENAMED:
        name = name.replace(old, new)
    return name


def _join(state: dict[str, Tensor], query: str) -> None:
    """Put query, key and value of one attention together, where all three are there."""
    names = [query.replace(".q_proj.", f".{letter}_proj.") for letter in "qkv"]
    if all(name in state for name in names):
        state[query.replace(".q_proj.", ".in_proj_")] = torch.cat([state.pop(name) for name in names])


def towers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the authors' names as those of `nn.clip.Clip`, whose text tower stands under `text.`."""
    return {f"text.{name}" if name.startswith(TEXT) else name: value for name, value in state.items()}
