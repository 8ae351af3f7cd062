"""`kaoiro demo`: the main job on a real photograph and on a rendered clip of two people."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from kaoiro.core.errors import OutputError


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser("demo", help="try it without any files", description=__doc__)
    parser.add_argument("--out", default="demo", metavar="DIR", help="folder for the files (default: demo)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from kaoiro.cli.main import main
    from kaoiro.inference.demo import write_media

    out = Path(arguments.out)
    try:
        (out / "media").mkdir(parents=True, exist_ok=True)
        print("kaoiro: measuring a photograph and a clip of two people ...", file=sys.stderr, flush=True)
        media = write_media(out / "media")
    except OSError as error:
        raise OutputError(f"--out {out}: cannot be written: {error.strerror or error}") from error
    code = main(["analyze", *map(str, media), "--out", str(out), "--overlay", "--plot"])
    if code == 0:
        print(f"\n{summary(out)}")
        for path in sorted(item for item in out.rglob("*") if item.is_file() and not item.name.startswith(".")):
            print(f"  {path}")
    return code


def summary(out: Path) -> str:
    """Return what the demo found, in two lines."""
    from collections import Counter

    from kaoiro.core.codec import read_rows

    rows = list(read_rows(out / "all.csv"))
    found = Counter((Path(str(row["source"])).name, row["expression"] or "no face") for row in rows)
    return "\n".join(f"{name}: {expression} in {count} row(s)" for (name, expression), count in found.most_common(6))
