"""Makes the report of one video in a process of its own: from its records, in a folder where no video lies."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from kaoiro import __version__
from kaoiro.core.errors import InputError, OutputError
from kaoiro.core.files import replacing, write_text, writing
from kaoiro.inference.manifest import MANIFEST
from kaoiro.server import child
from kaoiro.server.store import Store, VideoJob
from kaoiro.server.tables import file_name

REFUSED, NO_ROOM = 2, 3
"""Exit codes: it cannot be made as it was asked for (standard output says why); it cannot be written."""
_MEMORY = 8 << 30  # bytes of addresses


@dataclass(frozen=True)
class Wanted:
    """How a report is made; see `kaoiro.report`."""

    track: str = "auto"
    largest: bool = False
    baseline: str | None = None
    blur_faces: bool = False
    language: str = "en"

    @property
    def key(self) -> str:
        """A name for what this version of kaoiro makes of it."""
        said = json.dumps([__version__, asdict(self)], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def main(folder: str, job: str, wanted: str) -> int:
    """Write the report of a job, and return the exit code."""
    child.end_with_parent()
    child.be_modest(_MEMORY)
    store = Store(Path(folder).resolve())
    found = store.get(job)
    if found is None:
        return REFUSED
    try:
        make(store, found, Wanted(**json.loads(wanted)))
    except InputError as error:
        print(error)
        return REFUSED
    except OutputError as error:
        print(error, file=sys.stderr)
        return NO_ROOM
    return 0


def make(store: Store, job: VideoJob, wanted: Wanted) -> None:
    """Write a report to its place in the store.

    Clients choose the names of videos, and a report looks for the video of that name from where it is made and around
    the records: it must find none, least of all somebody else's.

    Raises:
        InputError: it cannot be made as it was asked for.
        OutputError: it cannot be written.
    """
    from kaoiro.inference.report.making import report

    table = _laid_out(store, job)
    os.chdir(table.parent)
    report(table.name, store.report(job.id, wanted.key), **asdict(wanted))


def _laid_out(store: Store, job: VideoJob) -> Path:
    """Return the records in a folder of their own, beside them what says which model measured them."""
    table = store.reports(job.id) / "records" / file_name(job.name, "parquet")
    if table.is_file():
        return table
    _write_manifest(table, job)
    with replacing(table) as partial, writing(table):
        try:
            os.link(store.result(job.id), partial)
        except OSError:  # not every file system has links
            shutil.copyfile(store.result(job.id), partial)
    return table


def _write_manifest(table: Path, job: VideoJob) -> None:
    settings = json.dumps({name: job.options.get(name) for name in ("model", "version")})
    entry = {"name": job.name, "place": job.name, "status": job.state, "rows": job.rows, "faces": job.faces}
    entry |= {"outputs": [table.name], "message": job.message or "", "stamp": [], "settings": settings}
    write_text(table.with_name(MANIFEST), json.dumps(entry))


if __name__ == "__main__":
    child.leave_signals()
    sys.exit(main(*sys.argv[1:]))
