"""A real browser that visits the page of the service."""

import base64
import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

sync_api = pytest.importorskip("playwright.sync_api")

PAGE = Path(__file__).parents[2] / "src" / "kaoiro" / "server" / "page"
CLIP = PAGE.parents[1] / "assets" / "two-people.mp4"
CHROMIUM = shutil.which("chromium")
NEEDED = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
LABELS = ["Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise"]
WAIT = 30_000  # milliseconds: the service shares the processor with the browser
Open = Callable[..., Any]


@contextlib.contextmanager
def chromium(*more: str) -> Iterator[Any]:
    """A browser without a window, which asks nobody but the page that it visits."""
    with (
        sync_api.sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *more]) as started,
    ):
        yield started


class Visit:
    """A visit to the page: nothing may go to another host, or be complained of in the console."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.address, self.complaints = address, []
        self.context = browser.new_context(**{"locale": "en-US", **options})
        self.context.set_default_timeout(WAIT)
        self.context.route(lambda asked: urlsplit(asked).netloc != urlsplit(address).netloc, self._refuse)
        self.page = self.context.new_page()
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _refuse(self, route: Any) -> None:
        self.complaints.append(f"another host: {route.request.url}")
        route.abort()

    def _listen(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def forget(self, about: str) -> None:
        """Let the browser's own lines about an answer pass that the test provokes."""
        self.complaints = [text for text in self.complaints if about not in text]

    def close(self) -> None:
        self.context.close()
        assert not self.complaints, self.complaints


@contextlib.contextmanager
def visits(browser: Any, url: str) -> Iterator[Open]:
    """A function that opens the page; what a page complained of fails in the end."""
    made: list[Visit] = []

    def opened(address: str = url, tab: str = "photo", **options: Any) -> Visit:
        made.append(Visit(browser, address, **options))
        made[-1].page.goto(f"{address}/#{tab}")
        return made[-1]

    yield opened
    for each in made:
        each.close()


def eventually(page: Any, condition: Callable[[], bool]) -> None:
    """Ask again and again; the page's security policy forbids Playwright to do so inside it."""
    for _ in range(WAIT // 100):
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it never came true")


def bring(page: Any, data: bytes, event: str, name: str = "face.jpg", kind: str = "image/jpeg") -> None:
    """Drop or paste a file on the page."""
    page.evaluate(
        """([data, name, type, event]) => {
          const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
          const carried = new DataTransfer();
          carried.items.add(new File([bytes], name, { type }));
          const made = event === "drop"
            ? new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true })
            : new ClipboardEvent("paste", { clipboardData: carried, bubbles: true });
          document.body.dispatchEvent(made);
        }""",
        [base64.b64encode(data).decode(), name, kind, event],
    )


def stored(page: Any) -> str | None:
    """The job that the page remembers."""
    return page.evaluate("localStorage.getItem('kaoiro.video')")


def unnamed(page: Any) -> list[str]:
    """Controls that a screen reader could not name, from the browser's own accessibility tree."""
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    roles = {
        "button",
        "tab",
        "link",
        "textbox",
        "combobox",
        "checkbox",
        "slider",
        "img",
        "image",
        "progressbar",
        "dialog",
    }
    seen = [node for node in nodes if not node["ignored"] and node["role"]["value"] in roles]
    assert seen
    return [str(node["role"]) for node in seen if not node.get("name", {}).get("value", "").strip()]


def coloured(page: Any, canvas: str) -> int:
    """How many pixels of a canvas have a colour."""
    return page.evaluate(
        """(selector) => {
          const { width, height } = document.querySelector(selector);
          const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
          copy.drawImage(document.querySelector(selector), 0, 0);
          const { data } = copy.getImageData(0, 0, width, height);
          let count = 0;
          for (let at = 0; at < data.length; at += 4) {
            const [low, high] = [Math.min(...data.slice(at, at + 3)), Math.max(...data.slice(at, at + 3))];
            count += data[at + 3] > 60 && high - low > 60;
          }
          return count;
        }""",
        canvas,
    )
