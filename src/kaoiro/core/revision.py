"""Which state of the project is running, for models and results to name."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit() -> str:
    """Return the checkout's commit, with '+' if more than docs was changed since; 'unknown' outside a checkout."""
    if _git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return "unknown"  # installed, perhaps into a folder of somebody else's checkout
    name = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "-uno", "--", ":/", ":(top,exclude)docs")
    return "unknown" if name is None else name + ("+" if changed else "")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
