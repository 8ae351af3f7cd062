from pathlib import Path

import pytest

from kaoiro.core.codec import read_rows
from kaoiro.inference.analyzer import Analyzer
from kaoiro.server import worker
from kaoiro.server.store import Store

VIDEO = Path(__file__).parents[2] / "src" / "kaoiro" / "assets" / "two-people.mp4"


@pytest.fixture
def store(tmp_path, monkeypatch) -> Store:
    monkeypatch.setattr(worker.child, "end_with_parent", lambda: None)
    monkeypatch.setattr(worker.child, "be_modest", lambda memory: None)
    monkeypatch.setattr(worker, "_TELL_S", 0.0)
    return Store(tmp_path)


def measured(store: Store, data: bytes, **options: object):
    job = store.new_id()
    store.upload(job).write_bytes(data)
    store.add(job, "own", "people.mp4", options)
    store.next()
    worker.main(str(store.folder), job, "")
    return store.get(job)


def test_the_result_holds_what_the_analyzer_says(store):
    job = measured(store, VIDEO.read_bytes(), every=1.0, smooth="causal", max_faces=1)
    assert (job.state, job.progress, job.message) == ("done", 1.0, None)
    rows = list(read_rows(store.result(job.id)))
    wanted = Analyzer(max_faces=1).video(VIDEO, every=1.0, smooth="causal", name="people.mp4")
    assert rows == [record.row() for record in wanted]
    assert job.rows == job.faces == len(rows) > 5


def test_what_cannot_be_read_is_told_in_the_users_words(store):
    job = measured(store, b"nothing")
    assert job.state == "failed"
    assert job.message.startswith("people.mp4: not a video")
    assert not store.result(job.id).exists()


def test_a_fault_of_our_own_is_told_at_once_not_tried_again(store, monkeypatch):
    monkeypatch.setattr(worker, "Analyzer", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        measured(store, b"nothing")
    (job,) = [store.get(path.name) for path in (store.folder / "uploads").iterdir()]
    assert job.state == "failed"
    assert "ZeroDivisionError" in job.message


def test_a_job_that_was_deleted_meanwhile_is_no_fault(store):
    worker.main(str(store.folder), "nobody", "")
    assert not list((store.folder / "results").iterdir())
