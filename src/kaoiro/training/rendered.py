"""The proof of the FACS world: signal, identity, and the bridge to real faces, in one run that can be interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kaoiro.core.errors import DataError
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets import synthetic
from kaoiro.training import bridge, hardware
from kaoiro.training.signal import Frames, Signal, SignalConfig, aligned, figures_of, held_out, identity_figures

TRAINED, UNSEEN = "train", ("paper-test", "further-test")


def measure(
    root: str | Path,
    model: ModelFolder,
    faces: str | None = None,
    portraits: str | None = None,
    config: SignalConfig | None = None,
    checkpoint: Path | None = None,
    tick: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train the small network on the training people of a SYN-ID set and return every figure.

    Args:
        root: folder of the set.
        model: of real faces, read for the bridge.
        faces: folder of the official files of FER2013; None leaves that part of the bridge out.
        portraits: folder of the London set; None leaves it out.
        config: of the training.
        checkpoint: file from which an interrupted training goes on.
        tick: told of every epoch.

    Raises:
        DataError: no syn-id set, or other files are missing.
    """
    config = config or SignalConfig()
    data = synthetic.read(root)
    if data.settings.get("set") != "syn-id":
        raise DataError(f"{root} is a set of {data.settings.get('set')}; name one made by `kaoiro synth syn-id`")
    learned, unseen = _frames(data, (TRAINED,), "training"), _frames(data, UNSEEN, "evaluation")
    kept = ~held_out(learned)
    signal = Signal(config, sorted(set(learned.subjects.tolist())))
    start = time.monotonic()
    signal.fit(learned.rows(kept), checkpoint, tick)
    hours = (time.monotonic() - start) / 3600
    figures: dict[str, Any] = {
        "set": {key: data.settings[key] for key in ("set", "scale", "size", "version")},
        "set_sha256": data.settings["finished"]["sha256"],
        "difficulty_sha256": data.settings["difficulty"],
        "seed": config.seed,
        "training frames": int(kept.sum()),
        "epochs": config.epochs,
        "hours": round(hours, 2),
        "hardware": hardware.describe("32"),
        "unseen people, at the apex": _flat(figures_of(signal, unseen)),
    }
    figures |= _tables(figures_of(signal, unseen))
    figures["identity, clips that were not trained on"] = _flat(identity_figures(signal, learned.rows(~kept)))
    figures |= _bridge(signal, model, unseen, faces, portraits)
    return figures


def _frames(data: synthetic.Synthetic, splits: tuple[str, ...], role: synthetic.Role) -> Frames:
    return aligned(data, data.select(splits, role), f"{role} frames")


def _bridge(
    signal: Signal, model: ModelFolder, unseen: Frames, faces: str | None, portraits: str | None
) -> dict[str, Any]:
    found = {"real on rendered": bridge.real_on_rendered(model, unseen)}
    if faces is not None:
        found["rendered on real"] = bridge.rendered_on_real(signal, faces)
    if portraits is not None:
        found["London set"] = bridge.smiles(signal, model, portraits)
    result: dict[str, Any] = {}
    for name, figures in found.items():
        result[name] = _flat(figures)
        result |= {f"{name}: {key}" if key != "confusion" else key: table for key, table in _tables(figures).items()}
    return result


def _flat(figures: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in figures.items() if not isinstance(value, dict)}


def _tables(figures: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in figures.items() if isinstance(value, dict)}
