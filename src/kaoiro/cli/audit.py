"""`kaoiro audit`: what labels of a set are worth, the set without what was found wrong, errors by group."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.cli import groups
from kaoiro.cli.numbers import count
from kaoiro.core.errors import OutputError

REWRITTEN = ("fer2013", "folders", "table")
"""Kinds of sets that can be written again."""
DATASETS = (*REWRITTEN, "affectnet", "raf-db", "sfew", "ck-plus", "mug")
_LAYOUTS = "fer2013 = official files; folders = DIR/LABEL/picture; table = path,label[,person][,split]"
_OFFICIAL = f"{', '.join(DATASETS[len(REWRITTEN) :])} = official files (docs/reference/datasets.md)"
_MODEL = "stills-both"
"""Whose features labels are read from: it learned both annotations of FER2013."""


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "audit", help="what labels are worth, and whom a model errs on", description=__doc__
    )
    kinds = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    _add_labels(kinds)
    _add_apply(kinds)
    groups.add_parser(kinds)


def _add_labels(kinds: Any) -> None:
    text = "likely label errors, copies, pictures without a face, skew; a sheet to decide on"
    parser: argparse.ArgumentParser = kinds.add_parser("labels", help=text, description=f"Find {text}.")
    _add_set(parser, DATASETS, f"{_LAYOUTS}; {_OFFICIAL}")
    parser.add_argument("--json", metavar="FILE", help="write figures and all findings to this file")
    parser.add_argument("--csv", metavar="FILE", help="write all findings to this file, with columns for decisions")
    parser.add_argument("--html", metavar="FILE", help="write a sheet to look through, which exports decisions")
    text = "findings of each kind in the sheet, the surest first (default: 200)"
    parser.add_argument("--most", type=count, default=200, metavar="N", help=text)
    parser.add_argument("--decided", metavar="FILE", help="decisions of an earlier audit: do not list these again")
    text = "pictures are crops of faces already (whole, default), or photographs (detect): cut the largest face out"
    parser.add_argument("--cut", choices=("whole", "detect"), default="whole", help=text)
    text = "leave out what takes time: errors (needs [audit]), near (copies), faces; several with commas"
    parser.add_argument("--skip", type=_parts, default=(), metavar="PART,...", help=text)
    parser.add_argument(
        "--seed", type=_seed, default=0, metavar="N", help="of folds and of flipped labels (default: 0)"
    )
    text = f"whose features labels are read from (default: {_MODEL})"
    parser.add_argument("--model", metavar="NAME|FOLDER", default=_MODEL, help=text)
    parser.add_argument("--results", metavar="DIR", help="write audit-DATASET.md and .json for the documentation here")
    parser.add_argument("--threads", type=count, metavar="N", help="processor threads")
    parser.set_defaults(run=run)


def _add_apply(kinds: Any) -> None:
    text = "write the set again as decisions say: labels replaced, pictures dropped"
    parser: argparse.ArgumentParser = kinds.add_parser("apply", help=text, description=f"{text.capitalize()}.")
    _add_set(parser, REWRITTEN, _LAYOUTS)
    parser.add_argument(
        "--decisions", required=True, metavar="FILE", help="as the sheet exports them, or filled-in --csv"
    )
    parser.add_argument("--out", required=True, metavar="DIR|FILE", help="new folder; for a table, the new table")
    parser.add_argument("--link", action="store_true", help="folders: hard links instead of copies")
    parser.set_defaults(run=apply)


def _add_set(parser: argparse.ArgumentParser, kinds: tuple[str, ...], layouts: str) -> None:
    parser.add_argument("dataset", choices=kinds, metavar="DATASET", help=layouts)
    parser.add_argument("--root", required=True, metavar="DIR", help="folder of the set; for a table, also its file")


def _parts(text: str) -> tuple[str, ...]:
    from kaoiro.evaluation.audit.making import PARTS

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    wrong = [name for name in names if name not in PARTS]
    if wrong:
        raise argparse.ArgumentTypeError(f"must be some of {', '.join(PARTS)}, not {', '.join(wrong)}")
    return names


def _seed(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) < 2**32:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number of 0 or more and below 2 to the 32nd, not {text}")


def run(arguments: argparse.Namespace) -> int:
    """Run `kaoiro audit labels`."""
    from kaoiro.core import modelfile
    from kaoiro.core.files import write_text
    from kaoiro.evaluation import report
    from kaoiro.evaluation.audit import decisions, findings, making, sheet

    _check_places(arguments)
    model = modelfile.load(arguments.model)
    settled = set() if arguments.decided is None else decisions.settled(decisions.read(arguments.decided))
    data = _opened(arguments)
    options = (arguments.cut, arguments.skip, settled, arguments.seed, arguments.threads)
    found = making.audit(data, model, *options)
    if arguments.json is not None:
        write_text(arguments.json, making.as_json(found))
    if arguments.csv is not None:
        findings.write(arguments.csv, findings.rows_of(data, found.seen, found.doubts, found.found))
    if arguments.html is not None:
        shown = sheet.write(arguments.html, found, arguments.most)
        print(f"kaoiro: {shown} of {len(found.found)} findings are on the sheet {arguments.html}", file=sys.stderr)
    if arguments.results is not None:
        making.write(arguments.results, found)
    print(report.text(found.figures))
    return 0


def _check_places(arguments: argparse.Namespace) -> None:
    """Refuse before the work, not after it, what cannot be written."""
    folder = arguments.results
    if folder is not None and any(part.is_file() for part in (Path(folder), *Path(folder).parents)):
        raise OutputError(f"--results {folder}: there is a file in the place of the folder")
    for flag, name in (("--json", arguments.json), ("--csv", arguments.csv), ("--html", arguments.html)):
        if name is None:
            continue
        if flag != "--json" and Path(name).suffix.lower() != flag.replace("--", "."):
            raise OutputError(f"{flag} {name}: the name must end in {flag.replace('--', '.')}")
        if Path(name).is_dir() or any(folder.is_file() for folder in Path(name).parents):
            raise OutputError(f"{flag} {name}: there is a folder of this name, or a file in the place of its folder")


def _opened(arguments: argparse.Namespace) -> Any:
    """Read the set; say what is left out of it."""
    from kaoiro.evaluation.audit import labelled_set

    data = labelled_set.opened(arguments.dataset, arguments.root)
    if data.left_out:
        print(f"kaoiro: {len(data)} rows of {arguments.root}; left out: {data.told()}", file=sys.stderr)
    return data


def apply(arguments: argparse.Namespace) -> int:
    """Run `kaoiro audit apply`."""
    from kaoiro.evaluation.audit import applying, decisions

    data = _opened(arguments)
    made = decisions.fitted(data, decisions.read(arguments.decisions), arguments.decisions)
    applying.write(data, made, Path(arguments.out), arguments.link)
    counts = {verb: sum(one.verb == verb for one in made.values()) for verb in decisions.VERBS}
    done = ", ".join(f"{number} {verb}" for verb, number in counts.items())
    print(f"kaoiro: {done}; {len(data) - counts['drop']} of {len(data)} pictures are in {arguments.out}")
    return 0
