"""What a run is computed on, and in which precision."""

from __future__ import annotations

from typing import Literal

import torch


def accelerator() -> Literal["cuda", "cpu"]:
    """Return where to train: a GPU by CUDA if there is one.

    Apple's MPS is left out: operations of the augmentation (antialiased resizing, reflected borders) may be
    missing there.
    """
    return "cuda" if torch.cuda.is_available() else "cpu"


def precision(choice: str) -> Literal["bf16-mixed", "32-true"]:
    """Return Lightning's precision for 'auto', '32' or 'bf16'; auto takes bfloat16 where it is no emulation."""
    return "bf16-mixed" if choice == "bf16" or (choice == "auto" and _multiplies_bfloat16()) else "32-true"


def _multiplies_bfloat16() -> bool:
    if accelerator() == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_amx_tile_supported()


def describe(choice: str) -> str:
    """Return the class of hardware and the precision, such as '2 CPU cores, float32'."""
    cores = torch.get_num_threads()
    device = torch.cuda.get_device_name() if accelerator() == "cuda" else f"{cores} CPU core{'s' * (cores > 1)}"
    return f"{device}, {'bfloat16' if precision(choice) == 'bf16-mixed' else 'float32'}"
