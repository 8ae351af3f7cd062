"""The service as one application: where requests go, and how it says no."""

from __future__ import annotations

import asyncio
import sqlite3
from importlib import resources
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import FileResponse, Response

from kaoiro import __version__
from kaoiro.server import emotion, face, own, videos
from kaoiro.server.documents import answers
from kaoiro.server.fetch import Allowed
from kaoiro.server.gate import LOG, REPORT, Gate, Keys, incoming
from kaoiro.server.refusals import Refused, json_response
from kaoiro.server.settings import Settings
from kaoiro.server.state import of

PAGE = Path(str(resources.files("kaoiro"))) / "server" / "page"
ABOUT = """Measures what faces show, on your own machine. Beside our own interface under `/v1` it keeps the contract of
the retired Emotion API, and of the Face API's emotion attribute. An expression is what a face shows, not what a person
feels."""


def create_app(settings: Settings) -> FastAPI:
    """Return the application; before it answers, its `state.kaoiro` must hold an opened `State`.

    Raises:
        InputError: settings that cannot work, or that would be dangerous.
    """
    settings.check()
    Allowed.of(settings.allow_urls)
    gate = Middleware(Gate, keys=Keys(settings.keys), origins=settings.cors, log=settings.log)
    app = FastAPI(
        title="kaoiro",
        version=__version__,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        middleware=[gate],
        redirect_slashes=False,
    )
    for part in (emotion, face, own, videos):
        app.include_router(part.router)
    _add_page(app)
    _add_refusals(app)
    return app


def _add_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return FileResponse(PAGE / "index.html", media_type="text/html; charset=utf-8")

    @app.get("/healthz", tags=["kaoiro"], summary="Whether the service is well", responses=answers("object"))
    async def healthz(request: Request) -> Response:
        state = of(request)
        counts = await asyncio.to_thread(state.store.counts)
        videos = {name: counts.get(name, 0) for name in ("waiting", "running")}
        return json_response({"status": "ok", "version": __version__, "waiting": state.desk.waiting, "videos": videos})

    @app.get("/page/report.html", include_in_schema=False)
    async def frame() -> Response:
        headers = {"Content-Security-Policy": f"{REPORT}'self'", "X-Frame-Options": "SAMEORIGIN"}
        return FileResponse(PAGE / "report.html", media_type="text/html; charset=utf-8", headers=headers)

    app.mount("/page", StaticFiles(directory=PAGE), name="page")


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        await incoming(request.scope).drain()
        return error.response(request.url.path)

    @app.exception_handler(sqlite3.OperationalError)
    async def locked(request: Request, error: sqlite3.OperationalError) -> Response:
        LOG.error("the jobs cannot be read: %s", error)
        await incoming(request.scope).drain()
        return Refused(503, "Unavailable", "The jobs cannot be read now.", retry_s=5).response(request.url.path)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> Response:
        await incoming(request.scope).drain()
        message = {404: "Resource not found", 405: "Method not allowed"}.get(error.status_code, str(error.detail))
        said = Refused(error.status_code, str(error.status_code), message, gateway=True).response(request.url.path)
        for name, value in (error.headers or {}).items():
            said.headers[name] = value
        return said

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        await incoming(request.scope).drain()
        return Refused(400, "BadArgument", _first(error.errors())).response(request.url.path)


def _first(errors: Any) -> str:
    """Return the first complaint about a parameter, without what was given."""
    found = next(iter(errors), {})
    place = found.get("loc", ("",))[-1]
    return f"Argument {place}: {found.get('msg', 'not valid')}."
