"""What a run cost, added up over the calls that it took."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import Callback

from kaoiro.core.files import write_text

FILE = "cost.json"


@dataclass(frozen=True)
class Cost:
    """Time spent.

    Attributes:
        seconds: of training and validation, unfinished epochs included.
        epochs: finished within these seconds.
        hardware: what it was computed on, each class once.
    """

    seconds: float = 0.0
    epochs: int = 0
    hardware: tuple[str, ...] = ()

    def text(self, epochs: int) -> str:
        """Return the cost of a run of `epochs` in words."""
        if not self.epochs:
            return f"{epochs} epochs, hours not recorded"
        part = "" if self.epochs >= epochs else f" for {self.epochs} of them"
        return f"{epochs} epochs, {self.seconds / 3600:.2f} h{part} on {' and '.join(self.hardware)}"


def read(folder: Path) -> Cost:
    """Return what the run in `folder` has cost so far."""
    file = folder / FILE
    if not file.is_file():
        return Cost()
    stored = json.loads(file.read_text(encoding="utf-8"))
    return Cost(stored["seconds"], stored["epochs"], tuple(stored["hardware"]))


class Meter(Callback):
    """Add the time of this call to the cost of the run, after each epoch and when it breaks off.

    Args:
        folder: of the run.
        hardware: what this call is computed on.
    """

    def __init__(self, folder: Path, hardware: str) -> None:
        self.folder, self.hardware = folder, hardware
        self._since: float | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        del trainer, pl_module
        self._since = time.perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add a finished epoch."""
        del trainer, pl_module
        self._add(epochs=1)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Add what was computed for nothing: the epoch is done again."""
        del trainer, pl_module, exception
        self._add(epochs=0)

    def _add(self, epochs: int) -> None:
        if self._since is None:
            return
        now, cost = time.perf_counter(), read(self.folder)
        hardware = tuple(dict.fromkeys((*cost.hardware, self.hardware)))
        seconds = cost.seconds + now - self._since
        cost = replace(cost, seconds=seconds, epochs=cost.epochs + epochs, hardware=hardware)
        write_text(self.folder / FILE, json.dumps(asdict(cost)))
        self._since = now
