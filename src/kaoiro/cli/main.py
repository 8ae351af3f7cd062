"""The `kaoiro` command."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

from kaoiro.core.errors import KaoiroError

EPILOG = "An expression is what a face shows, not what a person feels. See README.md for what this tool cannot tell."


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    from kaoiro import __version__
    from kaoiro.cli import analyze, demo, evaluate, models, train

    parser = argparse.ArgumentParser(
        prog="kaoiro", description="Measure facial expression in photos and videos.", epilog=EPILOG
    )
    parser.add_argument("--version", action="version", version=f"kaoiro {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (analyze, evaluate, train, models, demo):
        module.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 0 done, 2 bad input, 3 a video broke off, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    parser = build_parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest and not getattr(arguments, "takes_rest", False):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    arguments.rest = rest
    try:
        return arguments.run(arguments)
    except KaoiroError as error:
        print(f"kaoiro: {one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("kaoiro: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def one_line(error: BaseException) -> str:
    """Return an error's message on one line."""
    return " ".join(str(error).split())
