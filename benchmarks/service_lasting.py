"""Two parts of the service's measurement: memory over many requests and videos, and what kill -9 leaves behind."""

from __future__ import annotations

import argparse
import io
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from service_process import ASSETS, Running, alive, clients, photo
from service_process import kill as kill_process

STOPS = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
"""Shares of the requests after which memory is read."""


def memory(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Read the resident memory of the service and its children after so many requests, then after each video."""
    picture, clip = folder / "photo.jpg", folder / "clip.mp4"
    picture.write_bytes(photo())
    write_clip(clip, 1)
    with Running(folder / "data") as service:
        requests, answers = _after_requests(service, picture, given.requests)
        videos = _after_videos(service, clip, given.videos)
        peak = service.peak_mb()
    return {
        "memory_requests": given.requests,
        "memory_answers": answers,
        "memory_mb_per_1000_requests": _slope(requests, "service_mb", 1000),
        "memory_growth_from_a_quarter_to_all_mb": _growth(requests),
        "memory_videos": given.videos,
        "memory_mb_per_video": _slope(videos, "service_mb", 1),
        "memory_peak_mb": peak,
        "memory_after_requests": {str(count): row for count, row in requests.items()},
        "memory_after_videos": {str(count): row for count, row in videos.items()},
    }


def _after_requests(service: Running, picture: Path, total: int) -> tuple[dict[int, dict[str, float]], dict[str, int]]:
    """Send requests from eight clients; return memory by the number sent, and the answers by status."""
    rows, answers, sent = {}, {}, 0
    for stop in (round(share * total) for share in STOPS):
        seen = clients(service.port, picture, "--clients", "8", "--count", str(stop - sent))
        sent = stop
        for status, count in {**seen["statuses"], **seen["lost"]}.items():
            answers[status] = answers.get(status, 0) + count
        rows[stop] = _memory(service)
        print(f"memory: {stop} requests: {rows[stop]}", file=sys.stderr)
    return rows, answers


def _after_videos(service: Running, clip: Path, total: int) -> dict[int, dict[str, float]]:
    rows = {}
    for count in range(1, total + 1):
        job = service.until(service.upload(clip))
        assert job["status"] == "done", job
        time.sleep(1)  # its worker ends
        rows[count] = _memory(service)
        print(f"memory: {count} videos: {rows[count]}", file=sys.stderr)
    return rows


def _memory(service: Running) -> dict[str, float]:
    own, children = service.memory_mb()
    return {"service_mb": own, "children_mb": children, "children": len(service.descendants())}


def _slope(rows: dict[int, dict[str, float]], column: str, unit: int) -> float:
    """Return the growth for each `unit`, least squares over what was read after the first quarter."""
    counts = [count for count in rows if count >= max(rows) / 4]
    if len(counts) < 2:
        return float("nan")
    return unit * float(np.polyfit(counts, [rows[count][column] for count in counts], 1)[0])


def _growth(rows: dict[int, dict[str, float]]) -> float:
    counts = [count for count in rows if count >= max(rows) / 4]
    return rows[counts[-1]]["service_mb"] - rows[counts[0]]["service_mb"]


def write_clip(path: Path, times: int, seconds: float | None = 2.0) -> None:
    """Write the two people of the assets: their first seconds (or all of them), several times in a row."""
    import av

    with av.open(str(ASSETS / "two-people.mp4")) as given, av.open(str(path), "w") as made:
        stream = given.streams.video[0]
        copy = made.add_stream_from_template(stream)
        packets = [packet for packet in given.demux(stream) if packet.dts is not None]
        if seconds is not None:
            packets = packets[: round(seconds * float(stream.average_rate))]
        length = max(packet.pts + (packet.duration or 0) for packet in packets) - packets[0].dts
        content = [(bytes(p), p.pts, p.dts, p.duration, p.is_keyframe) for p in packets]
        for turn in range(times):
            for data, pts, dts, duration, key in content:
                packet = av.Packet(data)
                packet.pts, packet.dts = pts + turn * length, dts + turn * length
                packet.duration, packet.time_base, packet.stream = duration, stream.time_base, copy
                packet.is_keyframe = key
                made.mux(packet)


def kill(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Kill the service, or its worker once or twice, during a video; compare records with an undisturbed run."""
    clip = folder / "clip.mp4"
    write_clip(clip, given.kill_repeats, None)
    undisturbed, seconds = _undisturbed(folder / "undisturbed" / "data", clip)
    rows = {
        "service killed, started again": _service_killed(folder / "service" / "data", clip, undisturbed),
        "service and worker killed": _service_killed(folder / "both" / "data", clip, undisturbed, worker=True),
        "worker killed once": _worker_killed(folder / "once" / "data", clip, undisturbed, 1),
        "worker killed twice": _worker_killed(folder / "twice" / "data", clip, undisturbed, 2),
    }
    table = pq.read_table(io.BytesIO(undisturbed))
    return {"kill_undisturbed_seconds": seconds, "kill_records": table.num_rows, "kill_results": rows}


def _undisturbed(data: Path, clip: Path) -> tuple[bytes, float]:
    data.parent.mkdir()
    with Running(data) as service:
        begin = time.perf_counter()
        identity = service.upload(clip)
        job = service.until(identity)
        assert job["status"] == "done", job
        return service.records(identity), time.perf_counter() - begin


def _service_killed(data: Path, clip: Path, wanted: bytes, worker: bool = False) -> dict[str, Any]:
    """Kill the service (and, on demand, its worker) at about a third of a video, start it again, wait for the job."""
    data.parent.mkdir()
    with Running(data) as service:
        identity = service.upload(clip)
        progress = service.until(identity, 0.3)["progress"]
        left = service.descendants()
        if worker:
            kill_process(service.busiest())
        service.kill()
    time.sleep(2)
    orphans = sum(map(alive, left))
    with Running(data) as service:
        return _outcome(service, identity, progress, wanted) | {"processes left after 2 s": orphans}


def _worker_killed(data: Path, clip: Path, wanted: bytes, times: int) -> dict[str, Any]:
    """Kill the process at work on a video so many times; the service must stay."""
    data.parent.mkdir()
    with Running(data) as service:
        identity, progress, killed = service.upload(clip), 0.0, set()
        for _ in range(times):
            progress = _at_work(service, identity, killed)
        return _outcome(service, identity, progress, wanted) | {"processes left after 2 s": None}


def _at_work(service: Running, identity: str, killed: set[int]) -> float:
    """Wait until a worker that was not killed yet is well under way, and kill it; return how far the job was."""
    begin = time.monotonic()
    while time.monotonic() - begin < 120:
        job = service.until(identity, 0.2)
        assert job["status"] == "running", job
        worker = service.busiest()
        if worker not in killed and service.job(identity)["progress"] >= 0.2:
            killed.add(worker)
            kill_process(worker)
            time.sleep(0.5)
            return job["progress"]
    raise SystemExit("no new worker took the job up")


def _outcome(service: Running, identity: str, progress: float, wanted: bytes) -> dict[str, Any]:
    """Wait for the end of a job; return its state, whether its records are the wanted ones, and how the service is."""
    job = service.until(identity)
    found = service.records(identity) if job["status"] == "done" else None
    return {
        "killed at": progress,
        "job": job["status"],
        "message": job["message"] or "–",
        "records equal": None if found is None else _table(found).equals(_table(wanted)),
        "file equal byte by byte": None if found is None else found == wanted,
        "service answers": service.ask("POST", "/v1/analyze", photo())[0] == 200,
    }


def _table(parquet: bytes) -> Any:
    return pq.read_table(io.BytesIO(parquet))
