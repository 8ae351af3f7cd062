from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphs import write_model
from jobs import Counting, Middle, files, run, statuses
from PIL import Image

import kaoiro
from kaoiro import Analyzer
from kaoiro.core.codec import read_rows
from kaoiro.core.errors import InputError
from kaoiro.core.modelfile import DESCRIPTION
from kaoiro.inference.manifest import MANIFEST, fingerprint, read_manifest


def test_a_second_run_measures_nothing_again(counting, given, out):
    first = run(counting, given, out, overlay=True, plot=True)
    before = {name: (out / name).read_bytes() for name in files(out)}
    counting.asked.clear()
    second = run(counting, given, out, overlay=True, plot=True)
    assert counting.asked == []
    assert statuses(second) == ["skipped"] * 3
    assert [dataclasses.replace(o, status="complete") for o in second] == first
    assert {name: (out / name).read_bytes() for name in files(out)} == before


def test_a_new_medium_is_added_to_the_finished_ones(counting, given, out):
    run(counting, given, out)
    Image.new("RGB", (40, 40), "white").save(given / "b.png")
    counting.asked.clear()
    assert statuses(run(counting, given, out)) == ["skipped", "complete", "skipped", "skipped"]
    assert counting.asked == ["b.png"]
    assert len(list(read_rows(out / "all.csv"))) == 13


def test_a_changed_medium_is_measured_again(counting, given, out):
    run(counting, given, out)
    Image.new("RGB", (80, 80)).save(given / "a.png")
    changed, *others = run(counting, given, out)
    assert (changed.status, changed.faces, statuses(others)) == ("complete", 0, ["skipped"] * 2)
    assert statuses(run(counting, given, out)) == ["skipped"] * 3


def test_a_lost_result_is_made_again(counting, given, out):
    run(counting, given, out, overlay=True)
    (out / "m.mp4.overlay.mp4").unlink()
    assert statuses(run(counting, given, out, overlay=True)) == ["skipped", "skipped", "complete"]
    assert (out / "m.mp4.overlay.mp4").is_file()


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ({"every": 0.2}, None),
        ({"overlay": True}, None),
        ({"plot": True}, None),
        ({"dialect": "fer"}, None),
        ({"format": "jsonl"}, None),
        ({}, {"max_faces": 1}),
    ],
)
def test_other_settings_measure_again(counting, given, out, options, settings):
    run(counting, given, out)
    assert statuses(run(counting, given, out, settings, **options)) == ["complete"] * 3
    assert statuses(run(counting, given, out, settings, **options)) == ["skipped"] * 3


def test_another_model_measures_again(counting, given, out, tmp_path):
    run(counting, given, out)
    other = write_model(tmp_path / "other", [3.0] + [0.0] * 7).path
    outcomes = run(Analyzer(other, detector=Middle(), threads=1), given, out)
    assert statuses(outcomes) == ["complete"] * 3
    assert next(read_rows(out / "a.png.csv"))["expression"] == "anger"


def test_the_same_model_under_another_name_does_not(counting, given, out, constant_model, tmp_path):
    run(counting, given, out)
    copy = shutil.copytree(constant_model, tmp_path / "copy")
    assert statuses(run(Analyzer(copy, detector=Middle(), threads=1), given, out)) == ["skipped"] * 3


def recalibrated(folder: Path) -> None:
    description = json.loads((folder / DESCRIPTION).read_text("utf-8"))
    description["specification"]["heads"][0]["temperature"] = 2.0
    (folder / DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")


def test_a_recalibrated_model_measures_again(counting, given, out, constant_model, tmp_path):
    run(counting, given, out)
    copy = shutil.copytree(constant_model, tmp_path / "copy")
    recalibrated(copy)
    assert statuses(run(Analyzer(copy, detector=Middle(), threads=1), given, out)) == ["complete"] * 3


def test_each_part_that_decides_results_changes_the_fingerprint(constant_model, tmp_path, monkeypatch):
    detector = tmp_path / "detector.onnx"
    detector.write_bytes(b"one")
    options, settings = {"format": "csv", "every": None}, {"max_faces": None, "detector": str(detector)}

    def made(model: Path = constant_model, options: Any = options, settings: Any = settings) -> str:
        return fingerprint(Analyzer(model, detector=Middle(), threads=1), options, settings)

    copy = shutil.copytree(constant_model, tmp_path / "copy")
    moved = shutil.copy(detector, tmp_path / "moved.onnx")
    first = made()
    assert first == made(copy) == made(settings={**settings, "detector": moved})
    others = [
        made(options=options | {"every": 0.5}),
        made(settings=settings | {"max_faces": 1}),
        made(settings=settings | {"detector": None}),
        made(write_model(tmp_path / "graph", [1.0] * 8).path),
    ]
    recalibrated(copy)
    others.append(made(copy))
    detector.write_bytes(b"two")
    others.append(made())
    monkeypatch.setattr(kaoiro, "__version__", "another")
    others.append(made())
    assert len({first, *others}) == 8


def test_a_detector_file_that_cannot_be_read_is_named(counting, tmp_path):
    with pytest.raises(InputError, match=r"gone\.onnx: cannot be read"):
        fingerprint(counting, {}, {"detector": tmp_path / "gone.onnx"})


def test_a_failed_file_is_tried_again_and_leaves_no_old_result(counting, given, out):
    run(counting, given, out, overlay=True)
    (given / "a.png").write_bytes(b"nothing")
    (given / "m.mp4").write_bytes(b"nothing")
    assert statuses(run(counting, given, out)) == ["failed", "complete", "failed"]
    assert files(out) == {"deep/täglich.jpg.csv", "deep/täglich.jpg.overlay.jpg", MANIFEST}


def test_a_medium_that_failed_keeps_its_place(counting, given, out, tmp_path):
    shutil.copytree(given, tmp_path / "more")
    (given / "a.png").write_bytes(b"nothing")
    run(counting, given, out)
    (outcome,) = run(counting, tmp_path / "more" / "a.png", out)
    assert outcome.outputs == ["a.png~2.csv"]
    Image.new("RGB", (80, 80)).save(given / "a.png")
    assert run(counting, given, out)[0].outputs == ["a.png.csv"]


def test_of_a_changed_medium_no_old_overlay_is_left(counting, given, out):
    run(counting, given, out, overlay=True)
    Image.new("RGB", (80, 80)).save(given / "a.png")
    run(counting, given, out)
    assert "a.png.csv" in files(out)
    assert "a.png.overlay.jpg" not in files(out)
    assert "m.mp4.overlay.mp4" in files(out)  # as old as its clip


@pytest.mark.parametrize(("options", "paths"), [({"dialect": "fer"}, ""), ({}, "a.png"), ({"format": "jsonl"}, "")])
def test_no_joined_table_of_an_earlier_run_is_left(counting, given, out, options, paths):
    run(counting, given, out)
    assert "all.csv" in files(out)
    run(counting, given / paths, out, **options)
    assert {name for name in files(out) if name.startswith("all.")} == ({"all.jsonl"} if "format" in options else set())


class Struck(Counting):
    """Is interrupted while it measures a video."""

    def video(self, path: Any, **options: Any) -> Any:
        recording = super().video(path, **options)
        rows = recording.rows

        def interrupted() -> Iterator[Any]:
            for number, record in enumerate(rows()):
                if number == 4:
                    raise KeyboardInterrupt
                yield record

        recording.rows = interrupted
        return recording


def test_an_interruption_loses_only_the_file_in_work(constant_model, counting, given, out):
    with pytest.raises(KeyboardInterrupt):
        run(Struck(constant_model, detector=Middle(), threads=1), given, out)
    assert files(out) == {"a.png.csv", "deep/täglich.jpg.csv", MANIFEST}
    assert statuses(run(counting, given, out)) == ["skipped", "skipped", "complete"]
    assert counting.asked == ["m.mp4"]


KILLED = """
    import os, signal, sys
    from kaoiro.inference.job import Job, Options
    from kaoiro.inference.media import discover
    from jobs import Middle
    from kaoiro import Analyzer

    constant_model, given, out = sys.argv[1:]
    job = Job(Analyzer(constant_model, detector=Middle(), threads=1), out, Options())

    def strike(time_s, end_s):
        if time_s > 0.15:
            os.kill(os.getpid(), signal.SIGKILL)

    for item in discover([given]):
        job.run(item, strike)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_run_loses_only_the_file_in_work(constant_model, counting, given, out):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "data")}
    command = [sys.executable, "-c", textwrap.dedent(KILLED), *map(str, (constant_model, given, out))]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    assert not (out / "m.mp4.csv").exists()
    assert any(".part" in name for name in files(out))
    assert statuses(run(counting, given, out)) == ["skipped", "skipped", "complete"]
    assert len(list(read_rows(out / "m.mp4.csv"))) == 10
    assert not any(".part" in name for name in files(out))


@pytest.mark.parametrize("tail", ['{"name": "half', "[1]\n", "\x00\n", '{"name": "a"}\n'])
def test_a_manifest_that_a_crash_cut_short_is_read_as_far_as_it_goes(counting, given, out, tail):
    run(counting, given, out)
    with (out / MANIFEST).open("a", encoding="utf-8") as file:
        file.write(tail)
    assert len(list(read_manifest(out / MANIFEST))) == 3
    assert statuses(run(counting, given, out, every=0.2)) == ["complete"] * 3
    assert statuses(run(counting, given, out, every=0.2)) == ["skipped"] * 3


def test_the_manifest_says_what_became_of_each(counting, given, out):
    (given / "b.jpg").write_bytes(b"nothing")
    run(counting, given, out)
    entries = [json.loads(line) for line in (out / MANIFEST).read_text("utf-8").splitlines()]
    assert [(Path(e["name"]).name, e["status"], e["rows"]) for e in entries] == [
        ("a.png", "complete", 1),
        ("b.jpg", "failed", 0),
        ("täglich.jpg", "complete", 1),
        ("m.mp4", "complete", 10),
    ]
