"""`kaoiro live`: a camera, a stream or a file at its own pace, measured as it plays."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from kaoiro.cli.numbers import count, positive
from kaoiro.core.errors import TruncatedVideo

DONE, BROKE_OFF = 0, 3


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "live",
        help="camera or stream -> JSON lines, as it plays",
        description=f"{__doc__} Lines are records with `dropped`: frames passed over before this one.",
    )
    parser.add_argument("source", nargs="?", default="0", metavar="CAMERA|URL|FILE", help="default: the first camera")
    parser.add_argument("--smooth", choices=("causal", "none"), default="causal", help="over time (default: causal)")
    parser.add_argument("--seconds", type=positive, metavar="S", help="stop after S seconds of the source's time")
    parser.add_argument(
        "--classes",
        metavar="WORDS",
        help='words of your own, English or Japanese: "smile, jaw drop" adds word_smile and word_jaw_drop',
    )
    parser.add_argument("--glossary", metavar="FILE", help="entries of your own, which say what your words stand for")
    parser.add_argument("--clip", metavar="FOLDER", help="words compiled with weights of CLIP ('kaoiro words --clip')")
    parser.add_argument("--model", metavar="NAME|FOLDER", help="a model that ships (see 'kaoiro models') or a folder")
    parser.add_argument("--max-faces", type=count, metavar="N", help="keep only the N largest faces of a frame")
    parser.add_argument("--threads", type=count, metavar="N", help="processor threads for the networks")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.core.codec import NAMES, row_of, text_writer
    from kaoiro.inference.analyzer import Analyzer

    analyzer = Analyzer(
        arguments.model,
        max_faces=arguments.max_faces,
        threads=arguments.threads,
        classes=arguments.classes,
        glossary=arguments.glossary,
        clip=arguments.clip,
    )
    words = analyzer.words
    for remark in words.remarks:
        print(f"kaoiro: {remark}", file=sys.stderr)
    live = analyzer.live(arguments.source, smooth=arguments.smooth, seconds=arguments.seconds)
    code = DONE
    try:
        with text_writer("jsonl", sys.stdout, (*NAMES, *words.columns, "dropped")) as writer:
            for records, dropped in live:
                for record in records:
                    writer.write(row_of(record, words.columns) | {"dropped": dropped})
                sys.stdout.flush()  # whoever reads wants it now
    except TruncatedVideo as error:
        print(f"kaoiro: {' '.join(str(error).split())}", file=sys.stderr)
        code = BROKE_OFF
    finally:
        _summarise(live.measured, live.dropped)
    return code


def _summarise(measured: int, dropped: int) -> None:
    if measured:
        total = measured + dropped
        share = dropped / total
        print(f"kaoiro: {measured} frames measured, {dropped} of {total} dropped ({share:.0%})", file=sys.stderr)
