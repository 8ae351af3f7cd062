import sqlite3
import sys
import time

import pytest

from kaoiro.core.errors import InputError, OutputError
from kaoiro.server import foreman as foremen
from kaoiro.server.foreman import Foreman
from kaoiro.server.settings import Settings
from kaoiro.server.state import Claim
from kaoiro.server.store import Store


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "data")


def added(store: Store, data: bytes = b"no video") -> str:
    job = store.new_id()
    store.upload(job).write_bytes(data)
    store.add(job, "own", "talk.mp4", {"every": None})
    return job


def until(store: Store, job: str, *states: str, seconds: float = 30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = store.get(job)
        if found is None or found.state in states:
            return found
        time.sleep(0.02)
    raise AssertionError(f"still {store.get(job)}")


def test_jobs_are_taken_in_their_order_and_once(store):
    first, second = added(store), added(store)
    assert [store.next().id, store.next().id, store.next()] == [first, second, None]
    assert store.get(first).state == "running"
    assert store.counts() == {"running": 2}


def test_jobs_outlive_the_service(store):
    job = added(store)
    store.next()
    again = Store(store.folder)
    again.resume()
    assert again.next().id == job
    assert again.get(job).starts == 2
    assert again.upload(job).is_file()


def test_files_that_belong_to_no_job_are_removed(store):
    job = added(store)
    (store.folder / "uploads" / "left").write_bytes(b"")
    (store.folder / "results" / f".{job}.part1.parquet").write_bytes(b"")
    store.resume()
    left = [path.name for part in ("uploads", "results") for path in (store.folder / part).iterdir()]
    assert left == [job]


def test_what_is_over_stays_as_it_is(store):
    job = added(store)
    assert store.change(job, state="cancelled")
    assert not store.change(job, state="done")
    assert store.get(job).state == "cancelled"


def test_results_are_deleted_when_their_time_is_over(store):
    job, waiting = added(store), added(store)
    store.result(job).write_bytes(b"rows")
    store.change(job, state="done")
    store.expire(60)
    assert store.get(job) is not None
    assert not store.upload(job).exists()  # nobody needs the video any more
    store.expire(0)
    assert store.get(job) is None
    assert not store.result(job).exists()
    assert store.upload(waiting).exists()


def test_a_data_folder_serves_one_service(store):
    with Claim(store.folder), pytest.raises(InputError, match="another service"), Claim(store.folder):
        pass
    with Claim(store.folder):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_nobody_else_may_look_into_the_folder(store):
    assert store.folder.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--data"):
        Store(tmp_path / "file" / "data")


@pytest.fixture
def working(store, monkeypatch):
    """A foreman whose processes do what a line of Python says."""

    def start(code: str, keep_s: float = 60) -> Foreman:
        def command(_store: Store, job: str, _model: str) -> list[str]:
            return [foremen.sys.executable, "-c", code, str(store.folder), job]

        monkeypatch.setattr(foremen, "command", command)
        made.append(Foreman(store, None, keep_s))
        made[-1].start()
        return made[-1]

    made: list[Foreman] = []
    yield start
    for foreman in made:
        foreman.stop()


DONE = (
    "import sys; from kaoiro.server.store import Store; from pathlib import Path\n"
    "store = Store(Path(sys.argv[1])); store.change(sys.argv[2], state='done')\n"
)
KILLED = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"


def test_a_process_that_is_killed_twice_is_given_up_with_the_reason(store, working):
    job = added(store)
    working(KILLED)
    found = until(store, job, "failed")
    assert found.starts == 2
    assert "2 times (killed by signal 9)" in found.message
    assert not store.upload(job).exists()


def test_a_process_that_ends_ill_is_told_so(store, working):
    job = added(store)
    working("raise SystemExit(7)")
    assert "2 times (exit code 7)" in until(store, job, "failed").message


def test_a_process_that_makes_no_progress_is_ended(store, working, monkeypatch):
    monkeypatch.setattr(foremen, "STALLED_S", 0.2)
    job = added(store)
    working("import time; time.sleep(60)")
    assert "no progress" in until(store, job, "failed").message


def test_trouble_with_the_disk_is_waited_out(store, working, monkeypatch, caplog):
    monkeypatch.setattr(foremen, "_TROUBLE_S", 0.05)
    faults = iter([sqlite3.OperationalError("disk I/O error"), OSError("too many open files")])
    take = store.next

    def failing():
        for fault in faults:
            raise fault
        return take()

    monkeypatch.setattr(store, "next", failing)
    job = added(store)
    working(DONE)
    assert until(store, job, "done").state == "done"
    assert "disk I/O error" in caplog.text


def test_a_process_that_cannot_be_started_is_no_fault_of_the_video(store, working, monkeypatch):
    monkeypatch.setattr(foremen, "_TROUBLE_S", 0.05)
    started, begin = [], foremen.subprocess.Popen

    def popen(*arguments, **options):
        started.append(1)
        if len(started) < 10:
            raise OSError("no memory")
        return begin(*arguments, **options)

    monkeypatch.setattr(foremen.subprocess, "Popen", popen)
    job = added(store)
    working(DONE)
    found = until(store, job, "done", "failed")
    assert (found.state, found.starts, found.deaths) == ("done", 1, 0)


def test_what_a_killed_process_wrote_is_removed(store, working):
    job = added(store)
    begun = "import os, pathlib, sys\nresults = pathlib.Path(sys.argv[1], 'results')\n"
    working(begun + "(results / f'.{sys.argv[2]}.part{os.getpid()}.parquet').touch()\n" + KILLED)
    until(store, job, "failed")
    assert not list((store.folder / "results").iterdir())


def test_a_process_that_is_killed_once_is_tried_again(store, working, tmp_path):
    job = added(store)
    mark = tmp_path / "mark"
    working(f"import pathlib\nmark = pathlib.Path({str(mark)!r})\nif not mark.exists():\n    mark.touch()\n    "
            + KILLED + DONE)  # fmt: skip
    found = until(store, job, "done", "failed")
    assert (found.state, found.deaths) == ("done", 1)


def test_a_cancelled_job_ends_its_process(store, working):
    job, after = added(store), added(store)
    working(
        "import sys, time\n" + DONE.replace("store.change", f"sys.argv[2] == {job!r} and time.sleep(60); store.change")
    )
    until(store, job, "running")
    store.change(job, state="cancelled")
    assert until(store, after, "done").state == "done"


def test_a_deleted_job_leaves_nothing(store, working):
    job = added(store)
    working("import time; time.sleep(60)")
    until(store, job, "running")
    store.change(job, state="cancelled")
    store.delete(job)
    end = time.monotonic() + 10
    while list((store.folder / "uploads").iterdir()) and time.monotonic() < end:
        time.sleep(0.02)
    assert not list((store.folder / "uploads").iterdir())


def test_a_foreman_that_stops_leaves_its_job_for_the_next(store, working):
    job = added(store)
    foreman = working("import time; time.sleep(60)")
    until(store, job, "running")
    foreman.stop()
    working(DONE)
    assert until(store, job, "done").starts == 2


def test_a_job_with_which_the_service_ends_again_and_again_is_given_up(store, working):
    job = added(store)
    store.change(job, starts=foremen.MOST_STARTS)
    working(DONE)
    assert "again and again" in until(store, job, "failed").message


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"host": "0.0.0.0"}, "--key"),
        ({"host": "::"}, "--key"),
        ({"host": "example.org"}, "--key"),
        ({"port": 70000}, "--port"),
        ({"jobs": 0}, "--jobs"),
        ({"keys": ("",)}, "--key"),
        ({"keys": ("ä",)}, "--key"),
        ({"cors": ("example.org",)}, "--cors"),
        ({"cors": ("*",)}, "--cors"),
        ({"tls_cert": "x.pem"}, "--tls-key"),
        ({"tls_cert": "x.pem", "tls_key": "y.pem"}, "no such file"),
        ({"tls_cert": "x.pem", "tls_key": "y.pem", "self_signed": True}, "--self-signed"),
    ],
)
def test_settings_that_are_dangerous_or_cannot_work_are_refused(settings, complaint, tmp_path):
    from pathlib import Path

    paths = {name: Path(tmp_path / value) for name, value in settings.items() if name.startswith("tls")}
    with pytest.raises(InputError, match=complaint):
        Settings(**settings | paths).check()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_on_this_machine_no_key_is_needed(host):
    Settings(host=host).check()
