"""`kaoiro evaluate`: measured figures, through the path that users run."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli import adaptation, codes, groups, readers, recordings, verification, words
from kaoiro.cli.numbers import count, positive
from kaoiro.core.errors import InputError, MissingExtra
from kaoiro.core.files import writing

CURVES = "one clip"
"""Where figures hold what is drawn and not tabulated."""


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "evaluate", help="accuracy, calibration, end to end", description=__doc__
    )
    kinds = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    fer = _add(kinds, "fer2013", _fer2013, "accuracy and calibration on the official files of FER2013")
    fer.add_argument("--split", choices=("val", "test"), default="val", help="val = PublicTest, test = PrivateTest")
    fer.add_argument("--labels", choices=("fer2013", "ferplus"), default="ferplus", help="whose labels")
    fer.add_argument("--card", action="store_true", help="write the figures into the card of the model, too")
    _add(kinds, "folder", _folder, "accuracy on a folder with one sub-folder of face crops for each expression")
    place = _add(kinds, "end-to-end", _end_to_end, "photos made from FER2013: detected, aligned, classified")
    place.add_argument("--split", choices=("training-val", "val", "test"), default="val", help="which images")
    place.add_argument("--limit", type=count, metavar="N", help="only the first N images")
    place.add_argument("--tilt", type=positive, default=0.0, metavar="DEGREES", help="turn photos by up to DEGREES")
    sizes = _add(kinds, "face-sizes", _sizes, "how small a face may be to be found, by setting", model=False)
    sizes.add_argument("--split", choices=("training-val", "val", "test"), default="val", help="which images")
    crop = _add(kinds, "crop", _crop, "where the five points fall on FER2013 Training: the crop geometry", model=False)
    crop.add_argument("--limit", type=count, default=4000, metavar="N", help="number of images (default: 4000)")
    text = "does every action unit of the rendered world move what FACS says: --root is the assets"
    _add(kinds, "facs", _facs, text, model=False)
    text = "the sources' claims beside what was measured: --root is the folder of the results"
    _add(kinds, "claims", _claims, text, model=False)
    affect = _add(kinds, "affect", _affect, "valence, arousal and action units on real faces: --root is FER2013's")
    affect.add_argument("--split", choices=("val", "test"), default="val", help="val = PublicTest, test = PrivateTest")
    affect.add_argument("--london", metavar="DIR", help="the London set: smiling against neutral portraits")
    affect.add_argument("--generated", metavar="DIR", help="DiffusionFER: annotated valence and arousal")
    affect.add_argument("--rendered", metavar="DIR", help="a syn-mt, syn-vid or syn-id set: its test people")
    affect.add_argument(
        "--against", metavar="NAME|FOLDER", default="stills", help="model of expressions to compare with"
    )
    text = "network that learned expressions with the rest: compared, too (default: as stored in --results)"
    affect.add_argument("--together", metavar="FOLDER", help=text)
    text = "the development part of London and DiffusionFER instead, without what was learned from"
    affect.add_argument("--choose", action="store_true", help=text)
    affect.add_argument("--gallery", metavar="FILE", help="draw the generated and rendered faces that it errs on most")
    affect.add_argument("--card", action="store_true", help="write the figures into the card of the model, too")
    text = (
        "from which probability on action units count as visible: chosen on FER2013's training-val and rendered people"
    )
    thresholds = _add(kinds, "thresholds", _thresholds, text)
    thresholds.add_argument("--rendered", metavar="DIR", required=True, help="a syn-mt or syn-vid set: people of 'val'")
    thresholds.add_argument("--write", action="store_true", help="write them into the model's folder")
    text = "your own labelled faces (action units, valence and arousal, expressions): --root is their table"
    labelled = _add(kinds, "labelled", _labelled, text)
    text = "value from which an action unit counts as there: 1 (default) for 0 and 1, or for intensities from A on"
    labelled.add_argument("--present", type=positive, default=1.0, metavar="VALUE", help=text)
    text = "detect (default) the largest face of a picture, or take whole pictures, which are cut already"
    labelled.add_argument("--cut", choices=("detect", "whole"), default="detect", help=text)
    rendered = _add(kinds, "synthesis", _synthesis, "learn from a rendered syn-id set, test on unseen and real people")
    rendered.add_argument("--fer2013", metavar="DIR", help="official files: rendered faces' network on real ones")
    rendered.add_argument("--london", metavar="DIR", help="the London set: smiling against neutral faces")
    rendered.add_argument("--epochs", type=count, default=6, metavar="N", help="passes over the frames (default: 6)")
    rendered.add_argument("--seeds", type=count, default=1, metavar="N", help="networks to train (default: 1)")
    rendered.add_argument("--choose", action="store_true", help="report on a tenth of the training people, kept back")
    rendered.add_argument("--keep", metavar="DIR", help="write the (first) network as a model folder")
    rendered.add_argument("--checkpoint", metavar="FILE", help="goes on from here when it was interrupted")
    text = "generated faces beside a rendered syn-id set's unseen people"
    made = _add(kinds, "generator", _generator, text, model=False)
    made.add_argument("--generator", metavar="NAME|FOLDER", help="default: the one that ships")
    text = "network that says what faces show; trained there, 10 minutes, where it is not (default: runs/judge)"
    made.add_argument("--judge", metavar="DIR", default="runs/judge", help=text)
    made.add_argument("--seeds", type=count, default=3, metavar="N", help="of networks that learn (default: 3)")
    made.add_argument("--steps", type=count, default=1000, metavar="N", help="of these (default: 1000)")
    text = "generated faces that are asked for one thing at a time, read by a model"
    asked = _add(kinds, "asked", _asked, text, root=False)
    asked.add_argument("--generator", metavar="NAME|FOLDER", help="default: the one that ships")
    text = "what an expression code learned without labels is worth on real faces: --root is FER2013's"
    codes.add_options(_add(kinds, "codes", _codes, text, model=False))
    recordings.add_bank_options(_add(kinds, "bank", recordings.bank, recordings.BANK, model=False, root=False))
    recordings.add_options(_add(kinds, "recordings", recordings.measure, recordings.TEXT, model=False, root=False))
    told = _add(kinds, "verification", verification.measure, verification.TEXT, model=False, root=False)
    verification.add_options(told)
    groups.add_options(_add(kinds, "groups", groups.measure, groups.MEASURED, root=False))
    words.add_options(_add(kinds, "words", words.measure, words.TEXT, root=False))
    readers.add_options(_add(kinds, "readers", readers.measure, readers.TEXT, model=False))
    adaptation.add_options(_add(kinds, "adapt", adaptation.measure, adaptation.TEXT, root=False))
    steady = _add(kinds, "temporal", _temporal, "smoothing on the clips of a rendered syn-vid set: fixed and learned")
    steady.add_argument("--seeds", type=count, default=3, metavar="N", help="of the learned weights (default: 3)")
    steady.add_argument("--epochs", type=count, metavar="N", help="instead of those of the recipes")
    steady.add_argument("--flicker", metavar="DIR", help="a syn-flicker set: the same clips in flickering light")
    steady.add_argument("--choose", action="store_true", help="settings by the clips of 'val', nothing of 'test'")


def _add(
    kinds: Any, name: str, function: Any, text: str, model: bool = True, root: bool = True
) -> argparse.ArgumentParser:
    """Add one kind of measurement; whether it takes a model that classifies faces, and a folder of data."""
    parser: argparse.ArgumentParser = kinds.add_parser(name, help=text, description=text)
    if root:
        parser.add_argument("--root", required=True, metavar="DIR", help="folder of the data")
    if model:
        text = "default: the default model" if name != "fer2013" else "default: the one that answers these labels"
        parser.add_argument("--model", metavar="NAME|FOLDER", help=text)
    parser.add_argument("--json", metavar="FILE", help="write the figures to this file")
    parser.add_argument("--results", metavar="DIR", help="write NAME.md and NAME.json for the documentation here")
    parser.add_argument("--threads", type=count, metavar="N", help="processor threads")
    parser.set_defaults(run=run, measure=function)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.core import modelfile
    from kaoiro.core.files import write_text
    from kaoiro.evaluation import report

    model = (modelfile.load(arguments.model),) if "model" in arguments else ()
    figures = arguments.measure(*model, arguments)
    curves = figures.pop(CURVES, None)  # for the picture
    if arguments.json:
        write_text(arguments.json, json.dumps(figures, indent=2))
    if arguments.results:
        report.write(Path(arguments.results), report.name_of(arguments.what, figures), figures)
        if curves is not None:
            draw_temporal(figures, curves, Path(arguments.results))
    print(report.text(figures))
    return 0


def _fer2013(model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    from kaoiro.core import modelfile
    from kaoiro.core.labels import FER2013, FERPLUS
    from kaoiro.evaluation import fer2013

    if arguments.model is None:
        labels = FER2013 if arguments.labels == "fer2013" else FERPLUS
        model = modelfile.load(modelfile.answering(labels.labels))
    figures = fer2013.evaluate(model, arguments.root, arguments.split, arguments.labels, arguments.threads)
    if arguments.card:
        modelfile.add_numbers(model, fer2013.card_numbers(figures))
    return figures


def _folder(model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    from kaoiro.evaluation import folder

    return folder.evaluate(model, arguments.root, arguments.threads)


def _end_to_end(model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    from kaoiro.evaluation import placement

    return placement.evaluate(
        model, arguments.root, arguments.split, arguments.limit, arguments.threads, arguments.tilt
    )


def _sizes(arguments: argparse.Namespace) -> dict[str, Any]:
    from kaoiro.evaluation import placement

    return placement.measure_sizes(arguments.root, arguments.split, threads=arguments.threads)


def _crop(arguments: argparse.Namespace) -> dict[str, Any]:
    from kaoiro.evaluation import placement

    return placement.measure_geometry(arguments.root, arguments.limit, arguments.threads)


def _facs(arguments: argparse.Namespace) -> dict[str, Any]:
    from kaoiro.cli.synth import need_numba

    need_numba("kaoiro evaluate facs")
    from kaoiro.evaluation import facs
    from kaoiro.synthesis import assets

    return facs.check(assets.load(arguments.root))


def _claims(arguments: argparse.Namespace) -> dict[str, Any]:
    from kaoiro.evaluation import claims

    figures = claims.table(arguments.root)
    claims.write(arguments.root, figures)
    arguments.results = None  # the page is written; the tables of other measurements look different
    return figures


def _affect(model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    from kaoiro.core import modelfile
    from kaoiro.evaluation import affect, system_d

    if arguments.choose and (arguments.card or arguments.results):
        raise InputError("--choose is for choices: what it measures belongs into no card and into no --results")
    against = modelfile.load(arguments.against)
    sets = arguments.london, arguments.generated, arguments.rendered
    part = "development" if arguments.choose else "report"
    together = None if arguments.together is None else modelfile.load(arguments.together)
    if arguments.results:
        system_d.check(arguments.results)
    stored = arguments.results and system_d.stored(Path(arguments.results) / f"{system_d.NAME}.json").get("real")
    options = {"split": arguments.split, "part": part, "together": together, "earlier": stored or None}
    figures = affect.evaluate(model, against, arguments.root, *sets, **options, threads=arguments.threads)
    if arguments.gallery is not None:
        _draw_failures(model, arguments, part)
    if arguments.card:
        modelfile.add_numbers(model, affect.card_numbers(figures))
    if arguments.results:
        system_d.write(arguments.results, "real", figures)
        arguments.results = None  # it has its place on the page of system D
    return figures


def _thresholds(model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    from kaoiro.core import modelfile
    from kaoiro.core.labels import UNITS_HEAD
    from kaoiro.evaluation import thresholds

    figures = thresholds.choose(model, arguments.root, arguments.rendered, arguments.threads)
    if arguments.write:
        modelfile.set_thresholds(model, UNITS_HEAD, thresholds.present_from(model, figures))
        modelfile.add_numbers(modelfile.load(model.path), thresholds.card_numbers(figures))
    return figures


def _labelled(model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    from kaoiro.evaluation import labelled

    return labelled.evaluate(model, arguments.root, arguments.cut, arguments.present, arguments.threads)


def _draw_failures(model: Any, arguments: argparse.Namespace, part: Any) -> None:
    from kaoiro.evaluation import gallery

    rows = []
    if arguments.generated is not None:
        for name in ("valence", "arousal"):
            failures = gallery.affect_failures(model, arguments.generated, part, name)
            rows.append((f"generated faces: {name} missed most", failures))
    if arguments.rendered is not None:
        rows.append(("rendered faces: action units missed most", gallery.unit_failures(model, arguments.rendered)))
    if not rows:
        raise InputError("--gallery shows generated and rendered faces alone: name --generated or --rendered")
    with writing(Path(arguments.gallery)):
        gallery.sheet(rows).save(arguments.gallery, quality=85)


def _generator(arguments: argparse.Namespace) -> dict[str, Any]:
    _need_training("kaoiro evaluate generator")
    from kaoiro.evaluation import system_d
    from kaoiro.inference.portraits import Portraits
    from kaoiro.training import generated

    if arguments.results:
        system_d.check(arguments.results)
    made, judge = Portraits(arguments.generator, arguments.threads), Path(arguments.judge)
    found = generated.measure(made, arguments.root, judge, _tell, arguments.seeds, arguments.steps)
    if arguments.results:
        folder = Path(arguments.results)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            found.people.save(folder / "generated-faces.jpg", quality=80)
            found.nuisances.save(folder / "generated-nuisances.jpg", quality=80)
        system_d.write(folder, "faces", found.figures)
        arguments.results = None  # it has its place on the page of system D
    return found.figures


def _asked(model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    from kaoiro.evaluation import asked, system_d
    from kaoiro.inference.portraits import Portraits

    figures = asked.measure(Portraits(arguments.generator, arguments.threads), model)
    if arguments.results:
        system_d.add(arguments.results, "faces", figures)
        arguments.results = None  # it has its place on the page of system D
    return figures


def _codes(arguments: argparse.Namespace) -> dict[str, Any]:
    return codes.measure(arguments, _untrained)


def _untrained(exchanger: Any) -> Any:
    """Return what an untrained network of the same shape makes of faces.

    None where PyTorch or the weights lack, as of models that ship, and where the code is one of patches: before their
    dictionary is learned it is nothing.
    """
    from kaoiro.inference.exchange import WEIGHTS

    file = exchanger.folder / WEIGHTS
    try:
        _need_training("kaoiro evaluate codes")
    except MissingExtra:
        return None
    from kaoiro.training import snapshots

    if not file.is_file():
        return None
    network = snapshots.reopen(file).network
    if network.config.patches:
        return None
    fresh = snapshots.untrained(network)
    return lambda crops: fresh.encode(crops).expression


def _synthesis(model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    _need_training("kaoiro evaluate synthesis")
    from kaoiro.training import rendered
    from kaoiro.training.signal import SignalConfig

    checkpoint = Path(arguments.checkpoint) if arguments.checkpoint else None
    config = SignalConfig(epochs=arguments.epochs)
    if arguments.choose:
        _refuse_beside_choice(arguments)
        arguments.what += "-choice"  # the name of its results
        return rendered.choose(arguments.root, config, checkpoint, _tell)
    real = arguments.fer2013, arguments.london
    keep = Path(arguments.keep) if arguments.keep else None
    return rendered.measure(arguments.root, model, *real, config, checkpoint, _tell, arguments.seeds, keep)


def _refuse_beside_choice(arguments: argparse.Namespace) -> None:
    given = (("--seeds", arguments.seeds != 1), ("--keep", arguments.keep))
    given = (*given, ("--fer2013", arguments.fer2013), ("--london", arguments.london))
    for flag, used in given:
        if used:
            raise InputError(
                f"{flag} has no meaning beside --choose, which trains one network and shows it nobody else"
            )


def _temporal(model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    _need_training("kaoiro evaluate temporal")
    from kaoiro.training import steadiness

    if arguments.choose:
        if arguments.flicker:
            raise InputError("--flicker has no meaning beside --choose, which looks at no clip of 'test'")
        arguments.what += "-choice"  # the name of its results
    return steadiness.measure(
        arguments.root,
        model,
        arguments.seeds,
        arguments.epochs,
        _tell,
        choosing=arguments.choose,
        threads=arguments.threads,
        flicker=arguments.flicker,
    )


def draw_temporal(figures: dict[str, Any], curves: dict[str, Any], folder: Path) -> None:
    """Draw what was measured of smoothing over time: trade-offs, and one clip."""
    from kaoiro.core.files import replacing, writing
    from kaoiro.evaluation import course, pareto
    from kaoiro.timeline.steady import RATE

    pictures = {
        "causal": pareto.of_results(figures, "causal", ("fidelity", "causal")),
        "centred": pareto.of_results(figures, "centred", ("centred",)),
        "clip": course.picture(curves, RATE),
    }
    for name, image in pictures.items():
        path = folder / f"temporal-{name}.png"
        with writing(path):
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as partial:
                image.save(partial, "PNG")


def _need_training(command: str) -> None:
    try:
        import lightning  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtra(command, "train") from error


def _tell(line: str) -> None:
    print(f"kaoiro: {line}", file=sys.stderr, flush=True)
