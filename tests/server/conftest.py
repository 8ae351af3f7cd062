import contextlib
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from kaoiro.server.run import Service
from kaoiro.server.settings import Settings

ASSETS = Path(__file__).parents[2] / "src" / "kaoiro" / "assets"
Serving = Callable[..., AbstractContextManager[str]]


@contextlib.contextmanager
def running(**settings: object) -> Iterator[str]:
    """The service in a thread of this process, behind a real socket; yields its address."""
    ready = threading.Event()
    service = Service(Settings(**{"port": 0, **settings}), lambda address: ready.set())
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        assert ready.wait(60), "the service did not start"
        yield service.address
    finally:
        service.stop()
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Serving:
    def make(**settings: object) -> AbstractContextManager[str]:
        return running(**{"data": tmp_path_factory.mktemp("service"), **settings})

    return make


@pytest.fixture(scope="session")
def url(serving: Serving) -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture(scope="session")
def portrait() -> bytes:
    """A real face, 512x512, as JPEG."""
    file = io.BytesIO()
    Image.open(ASSETS / "astronaut.png").convert("RGB").save(file, "JPEG", quality=92)
    return file.getvalue()
