"""The learning curve of a run."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import Callback

from kaoiro.core.files import write_text


class Curve(Callback):
    """Write loss and validation figures as CSV, one row for each epoch; a resumed run goes on where it stopped.

    Args:
        file: receives the table.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add this epoch; rows of epochs that are done again are replaced."""
        del pl_module
        epoch = trainer.current_epoch + 1
        rows = [row for row in read(self.file) if row["epoch"] < epoch]
        rows.append({"epoch": epoch} | {name: float(value) for name, value in trainer.callback_metrics.items()})
        columns = sorted({name for row in rows for name in row} - {"epoch"})
        table = io.StringIO()
        writer = csv.DictWriter(table, ["epoch", *columns], lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | {"epoch": int(row["epoch"])} for row in rows)
        write_text(self.file, table.getvalue())


def read(file: Path) -> list[dict[str, float]]:
    """Return the rows written so far; nothing if there is no file yet."""
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as table:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(table)]
