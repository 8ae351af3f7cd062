"""The proof of the FACS world: signal, identity, and the bridge to real faces, in one run that can be interrupted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kaoiro.core.checks import at_least
from kaoiro.core.errors import DataError
from kaoiro.core.modelfile import ModelFolder
from kaoiro.data.datasets import synthetic
from kaoiro.training import bridge, hardware
from kaoiro.training.signal import Frames, Signal, SignalConfig, aligned, figures_of, held_out, identity_figures, save

TRAINED, UNSEEN = "train", ("paper-test", "further-test")
CHOICE_SHARE = 0.1
"""Share of the training people on whom settings are chosen."""


def measure(
    root: str | Path,
    model: ModelFolder,
    faces: str | None = None,
    portraits: str | None = None,
    config: SignalConfig | None = None,
    checkpoint: Path | None = None,
    tick: Callable[[str], None] = print,
    seeds: int = 1,
    keep: Path | None = None,
) -> dict[str, Any]:
    """Train the small network on the training people of a SYN-ID set and return every figure.

    Args:
        root: folder of the set.
        model: of real faces, read for the bridge.
        faces: folder of the official files of FER2013; None leaves that part of the bridge out.
        portraits: folder of the London set; None leaves it out.
        config: of the training.
        checkpoint: file from which an interrupted training goes on; further seeds add their number to its name.
        tick: told of every epoch.
        seeds: how many networks; all figures are those of the first, one table has the main ones of all.
        keep: receives the first network as a model folder, for further measurements on rendered faces.

    Raises:
        DataError: no finished syn-id set, too few frames, or other files are missing.
        ModelError: the model has no expression head.
    """
    config = config or SignalConfig()
    at_least("seeds", 1, seeds)
    data = _identities(root)
    about = _about(data)
    bridge.check(faces, portraits)
    learned, unseen = _frames(data, (TRAINED,), "training"), _frames(data, UNSEEN, "evaluation")
    held = held_out(learned)
    _enough(root, int((~held).sum()), config)
    real = bridge.real_on_rendered(model, unseen)  # before the training: it refuses a model that has no expressions
    found = []
    for place in range(seeds):
        signal = Signal(replace(config, seed=config.seed + place), sorted(set(learned.subjects.tolist())))
        checkpoint_of_one = _numbered(checkpoint, place)
        hours = signal.fit(learned.rows(~held), checkpoint_of_one, tick, str(about["set_sha256"]))
        if keep is not None and place == 0:
            save(signal, keep, f"{int((~held).sum())} frames of {about['set']['set']}", hours)
        figures = {
            "seed": signal.config.seed,
            "hours": round(hours, 2),
            **_of_rendered(signal, unseen, learned.rows(held)),
        }
        found.append(figures | _bridge(signal, model, real, faces, portraits))
    about |= {"training frames": int((~held).sum()), "epochs": config.epochs, "hardware": hardware.describe("32")}
    return about | found[0] | ({"seeds": {str(one["seed"]): _main(one) for one in found}} if seeds > 1 else {})


def choose(
    root: str | Path,
    config: SignalConfig | None = None,
    checkpoint: Path | None = None,
    tick: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train without a tenth of the training people and return the figures on them: what settings are chosen by.

    Raises:
        DataError: no finished syn-id set, or too few frames.
    """
    config = config or SignalConfig()
    data = _identities(root)
    about = _about(data)
    learned, apex = _frames(data, (TRAINED,), "training"), _frames(data, (TRAINED,), "evaluation")
    names = np.unique(learned.subjects)
    kept_back = np.random.default_rng(0).permutation(names)[: max(1, round(CHOICE_SHARE * len(names)))]
    learned = learned.rows(~np.isin(learned.subjects, kept_back))
    _enough(root, len(learned), config)
    signal = Signal(config, sorted(set(learned.subjects.tolist())))
    hours = signal.fit(learned, checkpoint, tick, f"{about['set_sha256']} without {len(kept_back)} people")
    figures = figures_of(signal, apex.rows(np.isin(apex.subjects, kept_back)))
    about |= {"training frames": len(learned), "epochs": config.epochs, "seed": config.seed, "hours": round(hours, 2)}
    return about | {"people kept back, at the apex": _flat(figures), **_tables(figures)}


def _identities(root: str | Path) -> synthetic.Synthetic:
    data = synthetic.read(root)
    if data.settings.get("set") != "syn-id":
        raise DataError(f"{root} is a set of {data.settings.get('set')}; name one made by `kaoiro synth syn-id`")
    return data


def _enough(root: str | Path, count: int, config: SignalConfig) -> None:
    if count < config.batch:
        few = f"{root} has {count} frames to train on, fewer than a batch of {config.batch}"
        raise DataError(f"{few}; make the set with a larger --scale")


def _of_rendered(signal: Signal, unseen: Frames, held: Frames) -> dict[str, Any]:
    """Return the figures on rendered faces: of people never seen, and of clips held out."""
    figures = figures_of(signal, unseen)
    identity = {"identity, clips that were not trained on": _flat(identity_figures(signal, held))}
    return {"unseen people, at the apex": _flat(figures), **_tables(figures), **identity}


def _numbered(checkpoint: Path | None, place: int) -> Path | None:
    return checkpoint if checkpoint is None or not place else checkpoint.with_stem(f"{checkpoint.stem}-{place}")


def _main(figures: dict[str, Any]) -> dict[str, float | None]:
    """Return the figures that are compared between seeds."""
    units = [row["CCC"] for row in figures["units"].values()]
    return {
        "expression accuracy": figures["unseen people, at the apex"]["expression accuracy"],
        "lowest CCC": min(units),
        "mean CCC": sum(units) / len(units),
        "identity accuracy": figures["identity, clips that were not trained on"]["accuracy"],
        "rendered on real, accuracy": figures.get("rendered on real", {}).get("accuracy"),
    }


def _about(data: synthetic.Synthetic) -> dict[str, Any]:
    """Return what identifies the set."""
    settings = data.settings
    try:
        return {
            "set": {key: settings[key] for key in ("set", "scale", "size", "version")},
            "set_sha256": settings["finished"]["sha256"],
            "difficulty_sha256": settings["difficulty"],
        }
    except (KeyError, TypeError) as error:
        raise DataError(f"{data.root / synthetic.SETTINGS} is not that of a finished set; make the set anew") from error


def _frames(data: synthetic.Synthetic, splits: tuple[str, ...], role: synthetic.Role) -> Frames:
    return aligned(data, data.select(splits, role), f"{role} frames")


def _bridge(
    signal: Signal, model: ModelFolder, real: dict[str, Any], faces: str | None, portraits: str | None
) -> dict[str, Any]:
    found = {"real on rendered": real}
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
