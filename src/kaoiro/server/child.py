"""What every process that the service starts does first."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress


def end_with_parent() -> None:
    """End when the service does, however it ends: it holds the other end of standard input."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def be_modest(memory: int) -> None:
    """Let requests go first, and take no more than so many bytes of addresses."""
    with suppress(AttributeError, OSError):
        os.nice(5)
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def leave_signals() -> None:
    """Pass over what a terminal sends to the service, which ends its processes itself."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
