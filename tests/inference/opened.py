"""A page that kaoiro wrote, opened from disk in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.browsing import WAIT


class Opened:
    """A page opened from disk: it may ask nobody but the file system, and complain of nothing."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.complaints: list[str] = []
        self.context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        self.context.set_default_timeout(WAIT)
        self.page = self.context.new_page()
        self.page.on("request", lambda asked: self._note(asked.url))
        self.page.on("console", lambda told: self.complaints.append(told.text) if told.type != "log" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri())

    def _note(self, address: str) -> None:
        if not address.startswith(("file:", "data:", "blob:")):
            self.complaints.append(address)

    def close(self) -> None:
        assert self.page.evaluate("window.hit") is None
        self.context.close()
        assert not self.complaints, self.complaints
