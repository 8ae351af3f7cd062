"""`kaoiro synth`: make the rendered sets that methods are measured on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli.numbers import count
from kaoiro.core.errors import InputError, MissingExtra

SETS = {
    "syn-id": "seven expressions of 242 subjects, for identity against expression",
    "syn-posed": "the clips of syn-id in one session for each subject, as posed databases were recorded",
    "syn-vid": "300 clips at three nuisance levels, for smoothing over time",
    "syn-flicker": "the 60 clips of syn-vid's test people in bad light, and nothing else bad",
    "syn-mt": "300 videos with valence, arousal and partly given labels",
    "syn-swap": "40 subjects with seven expressions in one light, for expression transfer",
    "conference": "eighteen recordings of a speaker with planted weak episodes",
    "syn-acts": "135 subjects who close or wink eyes, yawn, smirk, …: each apart from the others, some of one side",
    "syn-ward": "349 subjects with one picture of each expression by a bad camera in hard light, to transfer to",
}
PICTURES = {"sheets": "contact sheets: what the world looks like", "fixtures": "the project's own small renders"}
_FACE = ("units", "expression", "subject", "yaw", "pitch", "roll")
_SETTINGS = ("scale", "size", "seed", "jobs", "video", "variable_rate")
_CLIPS = [name for name in SETS if name != "syn-swap"]
_STEADY = [name for name in _CLIPS if name != "conference"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    listed, shown = ("\n".join(f"  {name:<11} {text}" for name, text in kinds.items()) for kinds in (SETS, PICTURES))
    parser: argparse.ArgumentParser = commands.add_parser(
        "synth",
        help="make rendered faces of which everything is known",
        description="Make rendered sets: faces of which identity, action units, expression, valence and arousal are "
        f"known.\nThey measure methods and prove nothing about real faces.\n\nsets:\n{listed}\n"
        "  all         each of them, into OUT/SET\n\n"
        f"pictures:\n{shown}\n"
        "  face        one face as you say, into the file OUT: --units 6=0.8,12=1 --subject ann --yaw 15\n\n"
        "First convert the head, once: kaoiro synth prepare CLONE_DIR --out ASSETS, where CLONE_DIR is a clone of\n"
        "https://github.com/ICT-VGL/ICT-FaceKit. An interrupted run goes on where it stopped when it is repeated.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what",
        choices=("prepare", *SETS, "all", *PICTURES, "face"),
        metavar="prepare|SET|all|sheets|fixtures|face",
        help="what to make",
    )
    parser.add_argument("clone", nargs="?", metavar="CLONE_DIR", help="with prepare: clone of ICT-FaceKit")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the files (face: the PNG or JPEG)")
    parser.add_argument("--assets", metavar="DIR", help="folder that prepare made (default: variable KAOIRO_ICT_FACE)")
    parser.add_argument("--scale", type=float, metavar="S", help="share of the subjects (default: 1)")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="side of the pictures (default: 96)")
    parser.add_argument("--seed", type=int, metavar="N", help="other seeds give other people (default: 0)")
    parser.add_argument("--jobs", type=count, metavar="N", help="threads (default: as many as processors)")
    parser.add_argument(
        "--video", action="store_true", default=None, help="whole scenes as videos instead of cut faces"
    )
    parser.add_argument(
        "--variable-rate", action="store_true", default=None, help="with --video: irregular frame times"
    )
    face = parser.add_argument_group("with face")
    face.add_argument("--units", metavar="AU=I,...", help="action units and their intensities, 0-1, such as 6=0.8,12=1")
    face.add_argument("--expression", metavar="LABEL", help="a whole expression instead, such as surprise")
    face.add_argument("--subject", metavar="NAME", help="who: the same name is the same person (default: ann)")
    for name in ("yaw", "pitch", "roll"):
        face.add_argument(f"--{name}", type=float, metavar="DEGREES", help="pose of the head (default: 0)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    if (arguments.what == "prepare") != (arguments.clone is not None):
        wish = "needs" if arguments.what == "prepare" else "takes no"
        raise InputError(f"kaoiro synth {arguments.what} {wish} CLONE_DIR")
    _refuse_idle(arguments)
    if arguments.what == "prepare":
        return _prepare(arguments)
    need_numba("kaoiro synth")
    if arguments.what == "face":
        return _face(arguments)
    return _picture(arguments) if arguments.what in PICTURES else _generate(arguments)


def _refuse_idle(arguments: argparse.Namespace) -> None:
    """Refuse options that would do nothing."""
    given = [name for name in (*_SETTINGS, *_FACE, "assets") if getattr(arguments, name) is not None]
    useful = {"prepare": (), "face": (*_FACE, "assets", "size", "seed"), **dict.fromkeys(PICTURES, ("assets",))}
    for name in [one for one in given if one not in useful.get(arguments.what, (*_SETTINGS, "assets"))][:1]:
        raise InputError(f"kaoiro synth {arguments.what} takes no --{name.replace('_', '-')}")
    if arguments.video and arguments.size is not None:
        raise InputError("kaoiro synth takes --size or --video, not both: videos have 640 × 360 pixels")


def need_numba(what: str) -> None:
    """Refuse to go on without the renderer's compiler.

    Raises:
        MissingExtra: Numba is not installed.
    """
    try:
        import numba  # noqa: F401
    except ImportError as error:
        raise MissingExtra(what, "synth") from error


def _prepare(arguments: argparse.Namespace) -> int:
    from kaoiro.synthesis.prepare import prepare

    print(prepare(arguments.clone, arguments.out))
    return 0


def _picture(arguments: argparse.Namespace) -> int:
    from kaoiro.synthesis import fixtures, sheets
    from kaoiro.synthesis.world import FaceWorld

    world, out = FaceWorld(arguments.assets), Path(arguments.out)
    write = sheets.write_all if arguments.what == "sheets" else fixtures.write_all
    for path in write(world, out, tick=lambda name: _tell(f"drawing {name} ...")):
        print(path)
    return 0


def _face(arguments: argparse.Namespace) -> int:
    from kaoiro.synthesis.sheets import write_face
    from kaoiro.synthesis.world import FaceWorld, Pose

    pose = Pose(arguments.yaw or 0.0, arguments.pitch or 0.0, arguments.roll or 0.0)
    path = write_face(
        FaceWorld(arguments.assets),
        Path(arguments.out),
        units=arguments.units or "",
        expression=arguments.expression,
        subject=arguments.subject or "ann",
        pose=pose,
        size=256 if arguments.size is None else arguments.size,
        seed=arguments.seed or 0,
    )
    print(path)
    return 0


def _generate(arguments: argparse.Namespace) -> int:
    from kaoiro.synthesis.folder import size
    from kaoiro.synthesis.generate import Order, generate
    from kaoiro.synthesis.world import FaceWorld

    asked = {name: getattr(arguments, name) for name in _SETTINGS if name != "jobs"}
    given = {name: value for name, value in asked.items() if value is not None}
    orders = [Order(name, **given) for name in _names(arguments)]
    world = FaceWorld(arguments.assets)
    for order in orders:
        out = Path(arguments.out) / order.name if arguments.what == "all" else Path(arguments.out)
        made = generate(order, out, world, arguments.jobs, tell=_tell)
        print(f"{made.path}: {made.frames} frames, {size(made.size)}, sha256 {made.sha256}", flush=True)
    return 0


def _names(arguments: argparse.Namespace) -> list[str]:
    """Return the sets to make; of all, those that can be videos where videos are asked for."""
    if arguments.what != "all":
        return [arguments.what]
    return _STEADY if arguments.variable_rate else _CLIPS if arguments.video else list(SETS)


def _tell(text: str) -> None:
    print(f"kaoiro: {text}", file=sys.stderr, flush=True)
