from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kaoiro.core.errors import InputError, TruncatedVideo
from kaoiro.faces import live
from kaoiro.faces.live import Newest

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from media import SIZE, cut_file, regular, write_video


def frames(count: int, each_s: float = 0.0, failure: Exception | None = None) -> Iterator[Any]:
    for index in range(count):
        time.sleep(each_s)
        yield SimpleNamespace(index=index)
    if failure is not None:
        raise failure


def in_step(count: int, taken: threading.Semaphore, failure: Exception | None = None) -> Iterator[Any]:
    """Frames of which each comes when the one before was taken, however busy the machine is."""
    for frame in frames(count, failure=failure):
        assert taken.acquire(timeout=20)
        yield frame


def test_who_is_quick_enough_gets_every_frame() -> None:
    taken, got = threading.Semaphore(1), []
    newest = Newest(in_step(8, taken))
    for fresh in newest:
        got.append(fresh.frame.index)
        taken.release()
    assert got == list(range(8))
    assert (newest.seen, newest.dropped) == (8, 0)


def test_who_is_slow_gets_the_newest_frame_and_is_told_how_many_were_passed_over() -> None:
    newest, got = Newest(frames(40, 0.005)), []
    for fresh in newest:
        got.append(fresh)
        end = time.monotonic() + 20
        while newest.seen < min(fresh.frame.index + 4, 40) and time.monotonic() < end:  # so slow
            time.sleep(0.001)
    indices = [fresh.frame.index for fresh in got]
    assert indices == sorted(set(indices))
    assert indices[-1] == 39  # never behind: the last one is the newest
    assert len(got) < 30
    assert [fresh.dropped for fresh in got] == [b - a - 1 for a, b in zip([-1, *indices], indices, strict=False)]
    assert newest.dropped + len(got) == newest.seen == 40


def test_what_ends_a_source_reaches_who_reads_it_after_the_last_frame() -> None:
    taken, got = threading.Semaphore(1), []
    with pytest.raises(TruncatedVideo, match="breaks off"):
        for fresh in Newest(in_step(3, taken, TruncatedVideo("breaks off"))):
            got.append(fresh.frame.index)
            taken.release()
    assert got == [0, 1, 2]


def test_a_stopped_source_is_read_no_further() -> None:
    newest = Newest(frames(1000, 0.005))
    next(iter(newest))
    newest.stop()
    newest._thread.join(2)
    assert not newest._thread.is_alive()
    assert newest.seen < 500


def test_a_file_is_played_at_its_own_pace(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mkv", regular(10), SIZE)
    begun = time.monotonic()
    due = [(frame.time_s, time.monotonic() - begun) for frame in live.frames_of(str(path))]
    assert len(due) == 10
    assert all(came >= told - due[0][0] - 0.005 for told, came in due)


def test_a_file_that_broke_off_says_so_after_its_frames(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(live.time, "sleep", lambda _: None)
    path = cut_file(write_video(tmp_path / "whole.mkv", regular(200), SIZE), 0.5, tmp_path / "cut.mkv")
    got = []
    with pytest.raises(TruncatedVideo):
        for frame in live.frames_of(str(path)):
            got.append(frame)
    assert got


@pytest.mark.parametrize(
    ("source", "platform", "expected"),
    [
        ("0", "linux", ("/dev/video0", "v4l2")),
        ("/dev/video3", "linux", ("/dev/video3", "v4l2")),
        ("1", "darwin", ("1", "avfoundation")),
        ("HD Camera", "win32", ("video=HD Camera", "dshow")),
        ("video=HD Camera", "win32", ("video=HD Camera", "dshow")),
        ("rtsp://host/stream", "linux", ("rtsp://host/stream", None)),
    ],
)
def test_sources_are_opened_as_each_system_wants_it(source: str, platform: str, expected: tuple) -> None:
    assert live._device(source, platform) == expected


def test_a_damaged_packet_does_not_end_a_stream(tmp_path: Path) -> None:
    path = write_video(tmp_path / "whole.mp4", regular(60), SIZE)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    path.write_bytes(data)
    frames = list(live._streamed(f"file://{path}", None, "stream"))
    assert len(frames) > 30
    assert frames[0].time_s == 0
    assert frames[-1].time_s > 2


def test_a_source_that_sends_nothing_is_given_up() -> None:
    with pytest.raises(InputError, match="sent nothing"):
        next(iter(Newest(frames(1, 5.0), patience_s=0.1)))


def test_whoever_waits_is_told_when_it_stops() -> None:
    newest, done = Newest(frames(1, 5.0)), []
    reader = threading.Thread(target=lambda: done.extend(newest))
    reader.start()
    newest.stop()
    reader.join(2)
    assert not reader.is_alive()


@pytest.mark.parametrize("source", ["77", "nothing.mp4", "http://127.0.0.1:9/none"])
def test_a_source_that_is_not_there_is_one_clear_error(source: str) -> None:
    with pytest.raises(InputError, match=r"cannot be opened .*; name a camera"):
        next(live.frames_of(source))
