"""Decode pictures in processes of their own, so that a decoder that crashes takes nothing with it.

Requests and answers go through pipes: a request is a length and the bytes of a file; an answer is height, width and
pixels, or 0, the length of a reason, and the reason.
"""

from __future__ import annotations

import queue
import signal
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO

import numpy as np

from kaoiro.core.errors import InputError

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
"""Pillow's names of what is decoded; others have decoders that few people test."""
PATIENCE_S = 20.0
_LONGEST = 2000  # bytes of a reason
_MEMORY = 3 << 30  # bytes of addresses for a decoder
_LENGTH, _HEAD = struct.Struct(">Q"), struct.Struct(">II")


class Decoders:
    """A few processes that decode pictures; a crashed one is replaced.

    Args:
        count: processes; each takes about 40 MB.
        most: pixels of the largest picture.
    """

    def __init__(self, count: int, most: int) -> None:
        self._most, self._idle = most, queue.LifoQueue[_Process]()
        for _ in range(count):
            self._idle.put(_Process(most))

    def decode(self, data: bytes) -> np.ndarray:
        """Return a picture as upright RGB (H, W, 3) uint8; waits while all processes are at work.

        Raises:
            InputError: not a picture, damaged, too large, or one that brings its decoder down.
        """
        process = self._idle.get()
        try:
            if not process.runs():
                process.kill()
                process = _Process(self._most)
            return process.decode(data)
        except InputError:
            raise
        except BaseException as error:  # the pipe may hold the rest of an answer
            process.kill()
            process = _Process(self._most)
            if isinstance(error, (OSError, EOFError)):
                raise InputError("picture: damaged, its decoder gave up") from error
            raise
        finally:
            self._idle.put(process)

    def close(self) -> None:
        """End the processes."""
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().kill()


class _Process:
    def __init__(self, most: int) -> None:
        self._most = most
        command = [sys.executable, "-m", "kaoiro.server.decoder", str(most)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def decode(self, data: bytes) -> np.ndarray:
        assert self._process.stdin is not None and self._process.stdout is not None
        watch = threading.Timer(PATIENCE_S, self._process.kill)
        watch.start()
        try:
            send(self._process.stdin, data)
            height, width = _HEAD.unpack(receive(self._process.stdout, _HEAD.size))
            if not height and width <= _LONGEST:
                raise InputError(receive(self._process.stdout, width).decode(errors="replace"))
            if not 0 < height * width <= self._most:
                raise EOFError("no answer of ours")
            pixels = np.empty((height, width, 3), np.uint8)
            fill(self._process.stdout, pixels.reshape(-1).data.cast("B"))
            return pixels
        finally:
            watch.cancel()

    def runs(self) -> bool:
        """Whether the process is there; others may have ended it, for want of memory."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()  # pyright: ignore[reportOptionalMemberAccess]


def send(pipe: IO[bytes], data: bytes) -> None:
    """Write a length and what it counts."""
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def receive(pipe: IO[bytes], count: int) -> bytes:
    """Read so many bytes.

    Raises:
        EOFError: there are fewer.
    """
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data


def fill(pipe: IO[bytes], target: memoryview) -> None:
    """Read as many bytes as the target holds.

    Raises:
        EOFError: there are fewer.
    """
    done = 0
    while done < len(target):
        count = pipe.readinto(target[done:])  # pyright: ignore[reportAttributeAccessIssue]
        if not count:
            raise EOFError
        done += count


def _limit_memory() -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def serve(source: IO[bytes], target: IO[bytes], most: int) -> None:
    """Answer requests until there are no more."""
    from kaoiro.faces import photo

    with suppress(EOFError):
        while True:
            data = receive(source, _LENGTH.unpack(receive(source, _LENGTH.size))[0])
            try:
                pixels = photo.read(data, "picture", most=most, formats=FORMATS)
            except InputError as error:
                reason = str(error).encode()[:_LONGEST]
                target.write(_HEAD.pack(0, len(reason)) + reason)
            else:
                target.write(_HEAD.pack(*pixels.shape[:2]))
                target.write(pixels.reshape(-1).data.cast("B"))
            target.flush()


if __name__ == "__main__":
    for name in (signal.SIGINT, signal.SIGTERM):  # meant for the service, which ends us itself
        signal.signal(name, signal.SIG_IGN)
    _limit_memory()
    with suppress(BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]))
