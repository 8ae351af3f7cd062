"""`kaoiro embed PATH ...`: the expression codes of all faces, a row for each."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from kaoiro.cli.gathering import gather
from kaoiro.cli.numbers import count, positive
from kaoiro.cli.swap import MODEL_HELP
from kaoiro.core.errors import InputError


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "embed",
        help="photos, videos, folders, archives -> expression codes of every face",
        description="Write a row for each face: which one it is (source, frame, time_s, track, face_score, box) and "
        "its expression code z_00, z_01, …. Faces with like expressions have like codes, and so have faces of one "
        "person: keep the table as you keep pictures of people. Identity codes are not written. The table is there "
        "when all is done, or not at all.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="photo, video, folder, or zip/tar of them")
    parser.add_argument(
        "--out", default="z.parquet", metavar="FILE", help=".parquet, .csv or .jsonl (default: z.parquet)"
    )
    parser.add_argument("--every", type=positive, metavar="SECONDS", help="take one frame each SECONDS of a video")
    parser.add_argument("--max-faces", type=count, metavar="N", help="keep only the N largest faces of a picture")
    parser.add_argument("--model", metavar="NAME|FOLDER", help=MODEL_HELP)
    parser.add_argument("--threads", type=count, metavar="N", help="processor threads for the networks")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.inference.embedding import check_suffix, opened
    from kaoiro.inference.exchange import Exchanger
    from kaoiro.inference.media import discover

    target = check_suffix(arguments.out)
    exchanger = Exchanger(arguments.model, threads=arguments.threads)
    media = list(discover(arguments.paths))
    faces = 0
    with opened(target, exchanger.description.expression) as writer:

        def take(part: Any) -> None:
            nonlocal faces
            writer.write(part)
            faces += len(part)

        code = gather(exchanger, media, take, arguments.every, arguments.max_faces)
        if not faces:
            raise InputError(f"no face found in {len(media)} input{'s' * (len(media) != 1)}; {target} is not written")
    print(f"kaoiro: {faces} face{'s' * (faces != 1)} of {len(media)} inputs in {target}", file=sys.stderr)
    return code
