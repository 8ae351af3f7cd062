"""Keep the best epoch, and stop when none has been better for a while."""

from __future__ import annotations

from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint

FILE = "best.ckpt"
MEASURE = "val_accuracy"
"""Logged by every family: the share of held-out faces that are right."""


class Patience(EarlyStopping):
    """Stop after so many epochs that were no better; a run that was stopped stays stopped when it is resumed.

    Args:
        epochs: how many.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__(MEASURE, mode="max", patience=epochs)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop before another epoch begins."""
        super().on_train_start(trainer, pl_module)
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


def callbacks(folder: Path, patience: int) -> list[Callback]:
    """Return what writes best.ckpt, the first of the best epochs, and what stops the training.

    Args:
        folder: of the run.
        patience: epochs.
    """
    keep = ModelCheckpoint(
        folder, filename=Path(FILE).stem, monitor=MEASURE, mode="max", save_top_k=1, enable_version_counter=False
    )
    return [keep, Patience(patience)]
