"""Weights and tokenizer of a tiny CLIP, in the published forms."""

from __future__ import annotations

from pathlib import Path

import torch

from kaoiro.nn.clip import Clip
from kaoiro.nn.clip_files import save_clip
from kaoiro.nn.clip_sizes import ClipSizes, ResNetSizes, TextSizes

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SIDE = 64


def write(folder: Path) -> tuple[Path, Path]:
    """Write both files and return where they are: weights, merges."""
    weights, merges = folder / "clip.safetensors", folder / "merges.txt"
    pairs = [f"{a} {b}" for a in LETTERS for b in LETTERS[:4]]
    merges.write_text("\n".join(["version", *pairs, ""]))
    text = TextSizes(512 + 2 + len(pairs), width=64, layers=1, heads=1, context=77)
    torch.manual_seed(0)
    save_clip(Clip(ClipSizes(12, ResNetSizes((1, 1, 1, 1), 4, SIDE), text)), weights)
    return weights, merges
