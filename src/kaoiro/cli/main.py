"""The `kaoiro` command."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from kaoiro.core.errors import KaoiroError
from kaoiro.core.plain import printable

EPILOG = "An expression is what a face shows, not what a person feels. See README.md for what this tool cannot tell."


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others; those of commands are of this class, too."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where the options are explained, and leave with exit code 2."""
        words = printable(" ".join(message.split()))
        self.exit(2, f"kaoiro: {words} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    from kaoiro import __version__
    from kaoiro.cli import (
        adapt,
        analyze,
        audit,
        calibrate,
        compare,
        demo,
        embed,
        evaluate,
        explain,
        generate,
        interpolate,
        join,
        live,
        models,
        report,
        reproduce,
        search,
        serve,
        similar,
        swap,
        synth,
        train,
        words,
    )

    parser = Parser(prog="kaoiro", description="Measure facial expression in photos and videos.", epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"kaoiro {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    using = (analyze, report, compare, calibrate, live, explain, generate, swap, interpolate, embed, similar, search)
    for module in (*using, words, audit, adapt, evaluate, train, join, reproduce, synth, serve, models, demo):
        module.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 0 done, 2 bad input, 3 a video broke off, 130 interrupted."""
    _prepare_output()
    parser = build_parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest and not getattr(arguments, "takes_rest", False):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    arguments.rest = rest
    try:
        code = arguments.run(arguments)
        sys.stdout.flush()  # here, where a reader who left early is no error
        return code
    except KaoiroError as error:
        return _failed(one_line(error))
    except KeyboardInterrupt:
        print("kaoiro: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        if reader_left(error):
            _discard_output()
            return 0
        return _failed(f"{arguments.command}: {describe(error)}")


def _failed(message: str) -> int:
    print(f"kaoiro: {printable(message)}", file=sys.stderr)
    return 2


def _prepare_output() -> None:
    """Write what the terminal can spell, and into pipes and files UTF-8 whose lines end as the writers say."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")


def reader_left(error: OSError, platform: str = sys.platform) -> bool:
    """Whether an error means that whoever read our output closed it; Windows calls that an invalid argument."""
    closed = platform == "win32" and error.errno == errno.EINVAL and error.filename is None
    return isinstance(error, BrokenPipeError) or closed


def _discard_output() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not stumble over it when it ends."""
    with contextlib.suppress(OSError, ValueError):  # a stream that is no file has nothing to redirect
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def describe(error: OSError) -> str:
    """Return what failed and where, on one line."""
    where = "" if error.filename is None else f"{error.filename}: "
    return where + one_line(OSError(error.strerror or str(error) or type(error).__name__))


def one_line(error: BaseException) -> str:
    """Return an error's message on one line."""
    return " ".join(str(error).split())
