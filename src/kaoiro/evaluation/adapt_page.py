"""Figures of adaptation as a page with a picture."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kaoiro.core.files import write_text
from kaoiro.core.revision import commit
from kaoiro.evaluation import adapt_picture, confusion_picture, report
from kaoiro.evaluation.adapt_claims import OVER_NONE, OVER_RIVALS
from kaoiro.evaluation.adapt_figures import ADAPTED, BEFORE, LOSS
from kaoiro.evaluation.arm_pages import claims, level, table

NAME = "adapt"
Figures = Mapping[str, Any]
_HEAD = """# Adaptation to a few pictures

What [`kaoiro adapt`](../how-to/adapt.md) is worth: for each target a number of pictures is drawn, everything is done
as the command does it, and the model that it writes is asked about people (pictures, copies together, where nobody is
named) that nothing was learned from. One of the methods, tuning all layers for longer, was added after the first seed
of the rendered target had been looked at ([adaptation, read](adapting.md)); settings were chosen on other people.
What follows from it: [adaptation, read](adapting.md)."""
_HOW = f"""* **before**: the model as it is, asked for the target's labels alone. **adapted**: what the command writes.
* **combined**: the same network, all layers learned with the same settings from FER2013's Training (majority of FER+,
  the target's labels) and the target's pictures together, one pass over everything. **oversampled**: as many steps,
  half of each batch from the target. Their log loss is at their own temperature, 1: nothing is left to fit it on.
* Seeds differ in the pictures that are learned from; the people asked about are the same. Intervals are 95 % over these
  people, of the mean over seeds, the same draws for both sides of a difference.
* A gain holds if its mean reaches the figure wished ({OVER_NONE:g} over none, {OVER_RIVALS:g} over training on
  everything) and its interval and every seed lie above 0; it does not hold if interval and seeds lie below the figure.
  That no target ends below its start holds if all were measured, no mean over seeds is below 0 and no interval lies
  below 0; it does not hold if an interval with all seeds lies below 0.
* The model learned all of FER2013's Training: the degraded pictures are of PublicTest, on which nothing was chosen. Of
  DiffusionFER only the half is measured on which nothing was chosen. How layers are tuned was compared on other
  people: [settings](adapt-choice.md).
* Time of the processor is that of one thread on a machine with other work; the clock says little there.

Written by `kaoiro evaluate adapt`."""


def page(figures: Figures) -> str:
    """Return the page."""
    about = (
        f"Measured {figures['measured']} at {figures['commit']} with `{figures['model']}`: about {figures['pictures']} "
        f"pictures of each target, seeds 0 to {figures['seeds'] - 1}."
    )
    blocks = [_HEAD, about, "## Claims", claims(figures["claims"]), "## Before and after", _levels(figures["targets"])]
    blocks += [f"![Accuracy by target]({NAME}.png)", "Adapted less the others:", _gaps(figures["targets"])]
    blocks += ["## What was promised, and what was found", _promises(figures), _runs(figures["targets"])]
    blocks += ["## Each method", _METHODS, _candidates(figures["targets"]), _TEMPERATURE, _warmer(figures["targets"])]
    if figures["curve"]:
        blocks += ["## More and fewer pictures", _curve(figures["curve"])]
    blocks += ["## Time", _time(figures["targets"]), "## Targets", _targets(figures["targets"])]
    return "\n\n".join([*blocks, "## How it was measured", _HOW]) + "\n"


_METHODS = """Accuracy on the people kept apart, each method learned from all pictures drawn; in brackets, what
cross-validation said of it, and in how many of the seeds that tried it it was taken. Means over these seeds."""
_SECONDS = """Seconds of the processor (and by the clock), means. The command also draws a learning curve from 15
trainings of the method taken with fewer pictures, about as long again; the rivals choose nothing."""
_TEMPERATURE = (
    """Where nothing is taken, the model is copied with its own temperature. Were that fitted anew on the pictures:"""
)


def _levels(targets: Figures) -> str:
    rows = []
    for name, one in targets.items():
        for arm, found in one["arms"].items():
            cells = [level(found[what]) for what in ("accuracy", "macro recall", LOSS)]
            rows.append([name, arm, *cells, f"{found['ECE']:.3f}", str(found["accuracy"]["seeds"])])
    return table(["target", "", "accuracy", "macro recall", LOSS, "ECE", "seeds"], rows)


def _gaps(targets: Figures) -> str:
    rows = [
        [name, pair.split(" − ")[1], *(_signed(found[what]) for what in ("accuracy", "macro recall", LOSS))]
        for name, one in targets.items()
        for pair, found in one["gaps"].items()
    ]
    return table(["target", "less", "accuracy", "macro recall", LOSS], rows)


def _promises(figures: Figures) -> str:
    found = figures["promises"]
    return (
        f"Of {found['adaptations']} adaptations {found['kept']} kept their promise: the accuracy that the command told "
        "and that found on other people differ by no more than their two errors (half intervals) together. Found is "
        f"{100 * found['found less promised, mean']:+.1f} points beside promised on average, and off by "
        f"{100 * found['found less promised, mean size']:.1f} points in size."
    )


def _runs(targets: Figures) -> str:
    rows = []
    for name, one in targets.items():
        for seed, run in one["runs"].items():
            told = [_within(run["after"], run["after interval"]), _within(run["found"], run["found interval"])]
            before = [f"{run['before']:.3f}", f"{run['found before']:.3f}"]
            counts = [f"{run['pictures']} / {run['groups']}", run["taken"]]
            rows.append([name, seed, *counts, *before, *told, "yes" if run["kept"] else "no"])
    head = ["pictures / groups", "taken", "before: told", "before: found", "promised", "found", "kept"]
    return table(["target", "seed", *head], rows)


def _within(value: float, ends: Sequence[float]) -> str:
    return f"{value:.3f} ({ends[0]:.3f} to {ends[1]:.3f})"


def _candidates(targets: Figures) -> str:
    names = list(dict.fromkeys(name for one in targets.values() for name in one["candidates"]))
    rows = [[name, *(_candidate(one["candidates"].get(method)) for method in names)] for name, one in targets.items()]
    return table(["target", *names], rows)


def _candidate(found: Figures | None) -> str:
    if found is None:
        return "–"
    return f"{found['accuracy']:.3f} ({found['in the folds']:.3f}; {found['taken']} of {found['tried']})"


def _warmer(targets: Figures) -> str:
    rows = [
        [name, _signed(one["temperature alone"][LOSS]), f"{one['temperature alone']['ECE']:+.3f}"]
        for name, one in targets.items()
    ]
    return table(["target", LOSS, "ECE"], rows)


def _curve(curve: Figures) -> str:
    rows = [
        [f"{one['pictures']:.0f}", level(one[BEFORE]), level(one[ADAPTED]), _signed(one["gain"]), _list(one["taken"])]
        for one in curve["points"]
    ]
    return f"{curve['target']}, seed 0:\n\n" + table(["pictures", BEFORE, ADAPTED, "gain", "taken"], rows)


def _list(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _time(targets: Figures) -> str:
    rows = []
    for name, one in targets.items():
        rivals = [
            _seconds([found["seconds"] for key, found in one["rivals"].items() if key.startswith(f"{arm},")])
            for arm in ("combined", "oversampled")
        ]
        rows.append([name, _seconds([run["seconds"] for run in one["runs"].values()]), *rivals])
    return f"{_SECONDS}\n\n" + table(["target", "choice and the method taken", "combined", "oversampled"], rows)


def _seconds(spent: Sequence[Figures]) -> str:
    if not spent:
        return "–"
    return " ({:.0f})".join(["{:.0f}", ""]).format(
        *(sum(one[what] for one in spent) / len(spent) for what in ("processor", "clock"))
    )


def _targets(targets: Figures) -> str:
    return "\n".join(
        f"* **{name}**: {one['about']} Asked about: {one['asked']} pictures in {one['groups']} groups."
        for name, one in targets.items()
    )


def _signed(found: Figures | None) -> str:
    if found is None or found["found"] is None:
        return "–"
    ends = "" if found["interval"] is None else " ({:+.3f} to {:+.3f})".format(*found["interval"])
    return f"{found['found']:+.3f}{ends}"


def write(folder: str | Path, figures: Figures) -> dict[str, Any]:
    """Write adapt.json, adapt.md and adapt.png, and return what was written.

    Args:
        folder: of the results.
        figures: of `training.transfer.adapt_measure`.

    Raises:
        OutputError: the folder cannot be written.
    """
    stamp = {"measured": datetime.date.today().isoformat(), "commit": commit(), "machine": report.machine()}
    content = {**stamp, **figures}
    file = Path(folder) / f"{NAME}.json"
    write_text(file, json.dumps(content, indent=1, ensure_ascii=False))
    write_text(file.with_suffix(".md"), page(content))
    confusion_picture.save(adapt_picture.picture(content["targets"]), file.with_suffix(".png"))
    return content
