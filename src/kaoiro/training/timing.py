"""How many epochs fit into a budget of hours, from steps timed where the run will be computed."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import move_data_to_device
from torch.utils.data import DataLoader

from kaoiro.core.run import Run
from kaoiro.training.hardware import accelerator, precision

OVERHEAD = 1.12
"""Time of an epoch over that of its steps: validation, averaged weights, checkpoint."""
UNTIMED = 2
"""First steps that are not timed: they allocate memory and choose algorithms."""


def epochs_within(run: Run, objective: Any, batches: DataLoader, steps: int = 12) -> int:
    """Time some steps on a copy and return how many epochs fit into the budget (at least 1).

    Args:
        run: names the budget, hours, and the precision.
        objective: of the family, left as it is.
        batches: the training data.
        steps: timed at each of the two sizes of images.
    """
    assert run.budget is not None
    return max(1, int(run.budget * 3600 / epoch_seconds(run, objective, batches, steps)))


def epoch_seconds(run: Run, objective: Any, batches: DataLoader, steps: int = 12) -> float:
    """Return the mean time of an epoch over a whole schedule, seconds.

    Args:
        run: names the precision.
        objective: of the family, left as it is.
        batches: the training data.
        steps: timed at each of the two sizes of images.
    """
    small = getattr(objective.config, "small_until", 0.0)
    phases = [(share, progress) for share, progress in ((small, 0.0), (1 - small, 1.0)) if share > 0]
    step = sum(share * step_seconds(run, objective, batches, progress, steps) for share, progress in phases)
    return OVERHEAD * step * len(batches)


def step_seconds(run: Run, objective: Any, batches: DataLoader, progress: float, steps: int) -> float:
    """Return the median time of a step at some progress of the schedule (0–1), seconds.

    A step is loading, augmentation, both passes and the update, on the device and in the precision of the run.
    """
    device = torch.device(accelerator())
    trial = copy.deepcopy(objective).to(device).train()
    update = torch.optim.SGD(trial.parameters(), 0.0, momentum=0.9, nesterov=True)
    given, readings = _endless(batches), [time.perf_counter()]
    for _ in range(UNTIMED + steps):
        batch = move_data_to_device(next(given), device)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision(run.precision) == "bf16-mixed"):
            loss = trial.loss(batch, progress)
        loss.backward()
        update.step()
        update.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        readings.append(time.perf_counter())
    return float(np.median(np.diff(readings)[UNTIMED:]))


def _endless(batches: DataLoader) -> Iterator[Any]:
    return itertools.chain.from_iterable(itertools.repeat(batches))
