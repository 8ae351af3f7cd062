"""Two processes at one index, and processes that are killed while they write it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kaoiro.core.errors import OutputError
from kaoiro.core.locks import Lock
from kaoiro.inference.search import Index
from kaoiro.inference.search.building import HERE
from kaoiro.inference.search.holding import LOCK, held

DATA = Path(__file__).parents[1] / "data"
PATIENCE_S = 120
BUILD = """
import sys
from graphs import write_bright_model
from jobs import Middle
from kaoiro import Analyzer
from kaoiro.inference.search import Index, building

album, model = sys.argv[1:]
building._FACES, building._MOST_PARTS = 1, 3  # a part for each photo, and they are put together again and again
measured, original = [], building.faces_of
building.faces_of = lambda analyzer, medium, *rest: measured.append(medium) or original(analyzer, medium, *rest)
analyzer = Analyzer(model, detector=Middle(), threads=1)
print("ready", flush=True)
sys.stdin.readline()
index = Index.build(analyzer, album, waiting=lambda line: print(line, file=sys.stderr, flush=True))
print(len(measured), len(index), len(index.search("smile", 100)))
"""
WRITE = """
import os, shutil, signal, sys
from pathlib import Path
import numpy as np
import pandas
import pyarrow.parquet as pq
from test_search_index import about, part, row
from kaoiro.inference.search import store
from kaoiro.inference.search.holding import held

folder = Path(sys.argv[1])


def write():
    with held(folder):
        found = about()
        for name in "abc":
            found = store.append(folder, found, part([[1, 0]], [[0.5, 0.5, 0.5]], [row(name)]))
        parts = [store.Part(folder / name, found) for name in found.parts]
        store.merged(folder, found, parts, [np.ones(1, bool)] * 3)


def fatal(last):
    left = [last]

    def before(act):
        def acts(*given, **named):
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return act(*given, **named)
        return acts

    for place, name in (
        (Path, "mkdir"), (Path, "touch"), (Path, "rename"), (Path, "replace"), (Path, "write_text"),
        (np, "save"), (pq, "write_table"), (shutil, "rmtree"),
    ):
        setattr(place, name, before(getattr(place, name)))


def look(files):
    if (folder / store.ABOUT).exists():
        found, parts = store.opened(folder)
        names = sorted(store.files_of(parts)["name"])
        assert "".join(names) == "abc"[: len(names)], names
        assert sum(map(len, parts)) == len(names)
    with held(folder):  # and what was left half done is in nobody's way
        found = store.read_about(folder) if (folder / store.ABOUT).exists() else about()
        store.sweep(folder, found)
        store.append(folder, found, part([[0, 1]], [[1, 1, 1]], [row("d")]))
        there = {path.name for path in folder.iterdir()}
        assert there == {store.ABOUT, "lock.sqlite", *store.read_about(folder).parts}, there


def child(work, *given):
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 1
    try:
        work(*given)
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


killed, code = 0, -9
while code == -9:
    shutil.rmtree(folder, ignore_errors=True)
    code = child(lambda: (fatal(killed), write()))
    assert code in (-9, 0), code
    assert child(look, killed) == 0, killed
    killed += int(sys.argv[2])
print(killed)
"""


def started(program: str, *given: object) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(DATA), str(DATA.parent), str(Path(__file__).parent)])
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program, *map(str, given)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env=environment, **pipes)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    import numpy as np
    from PIL import Image

    folder = tmp_path / "album"
    folder.mkdir()
    for number in range(12):
        Image.fromarray(np.full((48, 64, 3), 60 + 15 * number, np.uint8)).save(folder / f"{number:02}.png")
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    from graphs import write_bright_model

    return write_bright_model(tmp_path / "bright").path


def test_two_processes_at_once_measure_each_photo_once(album: Path, model: Path) -> None:
    both = [started(BUILD, album, model) for _ in range(2)]
    for one in both:
        assert one.stdout is not None and one.stdout.readline() == "ready\n"
    for one in both:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    said = [one.communicate(timeout=PATIENCE_S) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert sorted(out for out, _ in said) == ["0 12 12\n", "12 12 12\n"]
    assert len(Index.open(album / HERE)) == 12


def test_the_second_process_waits_and_says_so_once(album: Path, model: Path) -> None:
    folder = album / HERE
    with held(folder):
        other = started(BUILD, album, model)
        assert other.stdin is not None and other.stderr is not None
        other.stdin.write("\n")
        other.stdin.flush()
        line = other.stderr.readline()
        assert line == f"{folder}: another process writes this index; waiting until it is done\n"
        assert other.poll() is None
    out, errors = other.communicate(timeout=PATIENCE_S)
    assert (other.returncode, out, errors) == (0, "ready\n12 12 12\n", "")


def test_an_index_is_held_by_one_at_a_time_in_one_process_too(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with held(tmp_path / "i", lambda line: order.append("told")):
            order.append("second")

    with held(tmp_path / "i"):
        other = threading.Thread(target=second)
        other.start()
        while not order:
            other.join(0.01)
        order.append("first")
    other.join(PATIENCE_S)
    assert order == ["told", "first", "second"]
    assert not (tmp_path / "i").exists()  # nobody wrote an index


def test_a_folder_in_which_nothing_is_found_gets_no_index(tmp_path: Path, model: Path) -> None:
    from jobs import Middle

    from kaoiro import Analyzer
    from kaoiro.core.errors import InputError

    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "a.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a\.png"):
        Index.build(Analyzer(model, detector=Middle(), threads=1), tmp_path / "album")
    assert [path.name for path in (tmp_path / "album").iterdir()] == ["a.png"]


def test_an_index_whose_place_cannot_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"), held(tmp_path / "file" / "i"):
        pass
    with pytest.raises(OutputError, match="cannot be locked"):
        Lock(tmp_path / "none" / LOCK).take()


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.parametrize("apart", [9, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])
def test_a_kill_at_any_step_leaves_an_index_that_goes_on(tmp_path: Path, apart: int) -> None:
    out, errors = started(WRITE, tmp_path / "index", apart).communicate(timeout=3 * PATIENCE_S)
    assert errors == ""
    assert int(out) > 30  # steps, at each of which (or at each ninth) it was killed
