"""A page that kaoiro wrote, opened from disk in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kaoiro.inference.report.assembly import as_json
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


MISFITS = """() => {
  const [found, wide] = [[], document.documentElement.clientWidth];
  for (const details of document.querySelectorAll("details")) details.open = true;
  for (const room of document.querySelectorAll(".scroll")) {
    const name = room.getAttribute("aria-label");
    const hint = room.parentElement.querySelector(".more");
    const told = hint && getComputedStyle(hint).display !== "none" && hint.textContent;
    const { scrollWidth: needed, clientWidth: given } = room;
    if (needed > given + 1 && !told) found.push(`${name}: ${needed} > ${given}`);
    for (const cell of room.querySelectorAll("td.told")) {
      const { left, right } = cell.getBoundingClientRect();
      if (left < 0 || right > wide + 1) found.push(`${name}: a verdict ends at ${right} of ${wide}`);
    }
  }
  return found;
}"""


def misfits(page: Any, width: int) -> list[str]:
    """Tables that are wider than their room and do not say so, and verdicts that cannot be seen, at a width."""
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate(MISFITS)  # opens what is closed
    page.wait_for_timeout(200)  # the page measures its tables after they were laid out
    return page.evaluate(MISFITS)


def altered(path: Path, change: Callable[[dict[str, Any]], None], name: str = "altered.html") -> Path:
    """Write a page beside another, with other data."""
    text = path.read_text(encoding="utf-8")
    found = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    change(data)
    out = path.with_name(name)
    out.write_text(text[: found.start(1)] + as_json(data) + text[found.end(1) :], encoding="utf-8")
    return out
