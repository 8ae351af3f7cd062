"""`kaoiro serve`: the retired Emotion API on your own machine, an interface of our own, and a page for people."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from kaoiro.cli.numbers import count
from kaoiro.core.errors import MissingExtra

KEYS = "KAOIRO_KEYS"
"""Environment variable with further keys, separated by spaces: what stands on a command line is seen by others."""


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "serve", help="a service with the contract of the Emotion API, and a page", description=__doc__
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: this machine only)")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one (default: 8000)")
    parser.add_argument("--key", nargs="+", action="extend", default=[], help=f"keys that open it; also in ${KEYS}")
    parser.add_argument("--jobs", type=count, metavar="N", help="threads that measure pictures (default: processors)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of waiting videos and their results")
    parser.add_argument(
        "--allow-urls",
        nargs="+",
        action="extend",
        default=[],
        metavar="HOST[:PORT]",
        help="fetch pictures and videos from there (default: from nowhere)",
    )
    parser.add_argument(
        "--cors", nargs="+", action="extend", default=[], metavar="ORIGIN", help="other pages that may use it"
    )
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate (PEM), with --tls-key")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its key (PEM)")
    parser.add_argument("--self-signed", action="store_true", help="HTTPS with a certificate of our own")
    parser.add_argument("--model", metavar="NAME|FOLDER", help="a model that ships (see 'kaoiro models') or a folder")
    text = "entries of your own, for the words that clients ask for"
    parser.add_argument("--glossary", type=Path, metavar="FILE", help=text)
    parser.add_argument("--log", action="store_true", help="a line for each request, without query and headers")
    parser.add_argument("--openapi", action="store_true", help="print the OpenAPI document and end")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtra("kaoiro serve", "serve") from error
    from kaoiro.server.app import create_app
    from kaoiro.server.run import Service
    from kaoiro.server.settings import Settings, default_data

    settings = Settings(
        host=arguments.host.strip("[]"),
        port=arguments.port,
        keys=(*arguments.key, *os.environ.get(KEYS, "").split()),
        jobs=arguments.jobs,
        data=arguments.data or default_data(),
        allow_urls=tuple(arguments.allow_urls),
        cors=tuple(arguments.cors),
        tls_cert=arguments.tls_cert,
        tls_key=arguments.tls_key,
        self_signed=arguments.self_signed,
        model=arguments.model,
        glossary=arguments.glossary,
        log=arguments.log,
    )
    if arguments.openapi:
        print(json.dumps(create_app(settings).openapi(), indent=1, ensure_ascii=False))
        return 0
    Service(settings, _ready).run()
    return 0


def _ready(address: str) -> None:
    print(f"kaoiro serves {address} (Ctrl-C ends)", flush=True)
