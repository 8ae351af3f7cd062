"""Make a set of the FACS world: its pictures in shards, or its videos, and a table of the truth about all.

Layout:   OUT/set.json           settings, numbers, SHA-256 (see `kaoiro.synthesis.folder`)
          OUT/README.md          data card
          OUT/manifest.parquet   one row for each picture; written last but for the two above
          OUT/subjects.parquet   one row for each subject: shape and looks
          OUT/episodes.csv       planted episodes (conference)
          OUT/shard-00000.tar    (see `kaoiro.synthesis.shards`), or OUT/videos/ (see `kaoiro.synthesis.videos`)
The same order gives the same bytes, with any number of threads. What an interruption left is gone on with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from kaoiro.core.checks import at_least, require
from kaoiro.core.files import sweep, write_text
from kaoiro.core.parallel import in_order, workers
from kaoiro.core.revision import commit
from kaoiro.synthesis import card, folder, shards, videos
from kaoiro.synthesis.difficulty import Difficulty, load
from kaoiro.synthesis.film import Film, scene_window
from kaoiro.synthesis.person import Person
from kaoiro.synthesis.sensor import jpeg
from kaoiro.synthesis.sets import NAMES, Plan, plans
from kaoiro.synthesis.shards import Drawn
from kaoiro.synthesis.world import FaceWorld

SHARD_CLIPS, SHARD_FRAMES = 28, 4096
"""A shard ends with a subject when it has so many clips, and with any clip when it has so many frames."""
_BATCH_PIXELS = 256 * 96 * 96  # what a thread draws at a time: a person is made ready once for about as many
_ROW_BYTES = 2_300  # of a tar header, padding, and a row in each of two tables
_PATIENCE = 5.0  # seconds before the wait for the compiler is explained
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What is to be made.

    Attributes:
        name: of the set, one of `kaoiro.synthesis.sets.NAMES`.
        seed: of everything that is drawn.
        scale: share of the subjects, above 0 to 1.
        size: side of the pictures, pixels; videos have 640 × 360.
        video: whole scenes as videos instead of cut faces.
        variable_rate: videos with irregular times.
    """

    name: str
    seed: int = 0
    scale: float = 1.0
    size: int = 96
    video: bool = False
    variable_rate: bool = False

    def __post_init__(self) -> None:
        require(self.name in NAMES, "set", f"one of {', '.join(NAMES)}", self.name)
        at_least("--seed", 0, self.seed)
        require(0 < self.scale <= 1, "--scale", "above 0 and at most 1", self.scale)
        require(32 <= self.size <= 512 and self.size % 8 == 0, "--size", "a multiple of 8 from 32 to 512", self.size)
        require(self.video or not self.variable_rate, "--variable-rate", "given together with --video", "alone")
        still = self.video and self.name == "syn-swap"
        require(not still, "a set of videos", "one of clips", "syn-swap, which has stills")
        fixed = self.variable_rate and self.name == "conference"
        varied = "syn-id, syn-posed, syn-vid, syn-flicker, syn-mt, syn-acts or syn-ward"
        require(not fixed, "a set of variable rate", varied, self.name)


@dataclass(frozen=True)
class Made:
    """A finished set.

    Attributes:
        path: its folder.
        frames: number of pictures.
        size: of shards or videos, bytes.
        sha256: over their bytes, in hexadecimal.
    """

    path: Path
    frames: int
    size: int
    sha256: str


@dataclass(frozen=True, eq=False)
class _Take:
    """Frames of a clip that are drawn at a time, and which of the clip's frames are for what."""

    plan: Plan
    film: Film
    frames: np.ndarray
    training: np.ndarray
    evaluation: np.ndarray


@dataclass(frozen=True, eq=False)
class _Volume:
    """A shard or a video: where it lies, and the clips in it."""

    path: Path
    plans: tuple[Plan, ...]


@dataclass(frozen=True, eq=False)
class _Batch:
    """What one thread draws at a time: frames of one subject; `last` ends its shard or video."""

    takes: tuple[_Take, ...]
    last: bool

    def __len__(self) -> int:
        return sum(len(take.frames) for take in self.takes)


def generate(
    order: Order,
    out: str | Path,
    world: FaceWorld | str | Path | None = None,
    jobs: int | None = None,
    difficulty: Difficulty | None = None,
    tell: Tell | None = None,
) -> Made:
    """Make a set, or finish one that was begun with the same order.

    Args:
        order: what is to be made.
        out: folder of the set.
        world: that draws, or the folder of its assets; None takes the variable KAOIRO_ICT_FACE.
        jobs: threads; None takes the processors there are.
        difficulty: how hard the world is; None takes the packaged numbers.
        tell: receives what a person should know on the way; None is silent and draws no bar.

    Raises:
        InputError: an impossible number of jobs.
        DataError: the assets are missing or damaged.
        OutputError: the folder holds something else, or cannot be written, or the disk is too small.
    """
    at_least("--jobs", 1, 1 if jobs is None else jobs)
    out, difficulty = Path(out), difficulty or load()
    studio = _Studio(order, difficulty, world if isinstance(world, FaceWorld) else FaceWorld(world))
    described = folder.claim(out, studio.settings(), studio.notes())
    sweep(out)
    volumes = studio.volumes(out)
    todo = [volume for volume in volumes if not shards.finished(volume.path)]
    if not todo and described.get("finished") and folder.complete(out):
        return _made(out, described)
    if todo:
        _announce(studio, out, todo, tell, begun=len(todo) < len(volumes))
        folder.describe(out, described)
        _draw_all(studio, todo, workers(jobs, 1, 1 << 20), tell)
    return _finish(studio, out, described, [volume.path for volume in volumes])


class _Studio:
    """An order with the world and the numbers it is drawn by."""

    def __init__(self, order: Order, difficulty: Difficulty, world: FaceWorld) -> None:
        self.order, self.difficulty, self.world = order, difficulty, world
        self.plans = plans(order.name, difficulty, order.scale, order.seed)

    def settings(self) -> dict[str, Any]:
        """Return all that decides the pictures."""
        order = self.order
        return {
            "set": order.name,
            "seed": order.seed,
            "scale": order.scale,
            "size": list(videos.SCENE) if order.video else order.size,
            "video": order.video,
            "variable_rate": order.variable_rate,
            "difficulty": self.difficulty.digest(order.name),
            "assets": self.world.assets.sha256,
            folder.RENDERER: folder.renderer(),
            "version": import_module("kaoiro").__version__,  # the root imports higher floors
        }

    def notes(self) -> dict[str, Any]:
        """Return what is worth knowing beside."""
        truth = self.difficulty.truth
        versions = {name: version(name) for name in ("numpy", "pillow", "numba")}
        return {"commit": commit(), "visible": truth.visible, "unit_active": truth.unit_active, **versions}

    @property
    def subjects(self) -> list[str]:
        """All subjects, in order."""
        return list(dict.fromkeys(plan.subject for plan in self.plans))

    def persons(self) -> list[Person]:
        """Return all subjects as they are drawn, in order."""
        return [self.world.person(subject, self.order.seed) for subject in self.subjects]

    def take(self, plan: Plan) -> _Take:
        """Prepare a clip, with all its frames that the set keeps; a video keeps all."""
        order = self.order
        script = plan.script(order.seed, self.difficulty, order.variable_rate)
        person = self.world.person(plan.subject, order.seed)
        size, window = (videos.SCENE, scene_window(videos.SCENE)) if order.video else (order.size, None)
        film = Film(self.world, script, person, self.difficulty, size, window)
        training, evaluation = plan.frames(len(film), self.difficulty.truth.apex_reach)
        kept = np.arange(len(film)) if order.video else np.flatnonzero(training | evaluation)
        return _Take(plan, film, kept, training, evaluation)

    def length(self, plan: Plan) -> int:
        """Return how many frames of a clip are kept; in syn-id and syn-posed at most, for some serve two roles."""
        if self.order.video or plan.training is None or plan.evaluation is None:
            return len(plan.script(self.order.seed, self.difficulty, self.order.variable_rate))
        return plan.training + plan.evaluation

    def volumes(self, out: Path) -> list[_Volume]:
        """Return shards or videos in order."""
        if self.order.video:
            names = (f"{plan.subject}-{plan.clip}.mp4" for plan in self.plans)
            return [_Volume(out / folder.VIDEOS / name, (plan,)) for name, plan in zip(names, self.plans, strict=True)]
        groups = _grouped(self.plans, [self.length(plan) for plan in self.plans])
        return [_Volume(out / f"shard-{number:05d}.tar", tuple(group)) for number, group in enumerate(groups)]

    def batches(self, volumes: Sequence[_Volume]) -> Iterator[_Batch]:
        """Yield all there is to draw, in order."""
        width, height = videos.SCENE if self.order.video else (self.order.size, self.order.size)
        most = max(8, _BATCH_PIXELS // (width * height))
        for volume in volumes:
            waiting: list[_Take] = []
            for piece in (piece for plan in volume.plans for piece in _pieces(self.take(plan), most)):
                full = sum(len(take.frames) for take in waiting) + len(piece.frames) > most
                if waiting and (full or waiting[0].plan.subject != piece.plan.subject):
                    yield _Batch(tuple(waiting), last=False)
                    waiting = []
                waiting.append(piece)
            yield _Batch(tuple(waiting), last=True)

    def draw(self, batch: _Batch) -> Drawn[Any]:
        """Draw a batch."""
        contents, rows = [], []
        for take in batch.takes:
            for frame in take.frames.tolist():
                shot = take.film.shot(frame)
                contents.append(shot.pixels if self.order.video else jpeg(shot.pixels, take.film.script.jpeg))
                rows.append(take.film.row(frame, shot.picture) | _roles(take, frame))
        return Drawn(contents, shards.rows(rows))

    def write(self, volume: _Volume, drawn: Iterator[Drawn[Any]]) -> None:
        """Write a shard or a video with its rows."""
        if self.order.video:
            videos.write(volume.path, drawn, self.difficulty.timing.fps)
        else:
            shards.write(volume.path, drawn)


def _roles(take: _Take, frame: int) -> dict[str, object]:
    """Return the columns that the plan decides."""
    plan = take.plan
    flags = {"training": bool(take.training[frame]), "evaluation": bool(take.evaluation[frame])}
    return {"split": plan.split, **flags, "has_units": plan.has_units, "has_expression": plan.has_expression}


def _grouped(clips: Sequence[Plan], lengths: Sequence[int]) -> list[list[Plan]]:
    """Divide clips into shards."""
    groups: list[list[Plan]] = []
    frames = SHARD_FRAMES
    for place, (plan, length) in enumerate(zip(clips, lengths, strict=True)):
        other = place > 0 and clips[place - 1].subject != plan.subject
        if frames >= SHARD_FRAMES or (other and len(groups[-1]) >= SHARD_CLIPS):
            groups.append([])
            frames = 0
        groups[-1].append(plan)
        frames += length
    return groups


def _pieces(take: _Take, most: int) -> Iterator[_Take]:
    for start in range(0, len(take.frames), most):
        yield _Take(take.plan, take.film, take.frames[start : start + most], take.training, take.evaluation)


def _announce(studio: _Studio, out: Path, todo: Sequence[_Volume], tell: Tell | None, begun: bool) -> None:
    """Say how large the rest of the set becomes; refuse a disk that has no room for it."""
    left = [plan for volume in todo for plan in volume.plans]
    frames = sum(studio.length(plan) for plan in left)
    with _explained(tell):
        needed = round(frames * _frame_bytes(studio, left))
    if tell:
        what = "frames in videos" if studio.order.video else "pictures"
        tell(f"{studio.order.name}: {frames} {what} to draw, about {folder.size(needed)}, into {out}")
    folder.check_room(out, needed, begun)


def _frame_bytes(studio: _Studio, left: Sequence[Plan]) -> float:
    """Return about how many bytes a frame takes, from a few that are drawn."""
    if studio.order.video:
        return videos.FRAME_BYTES + _ROW_BYTES
    drawn = []
    for plan in (left[0], left[len(left) // 2], left[-1]):
        film = studio.take(plan).film
        drawn.append(len(jpeg(film.shot(len(film) // 2).pixels, film.script.jpeg)))
    return float(np.mean(drawn)) + _ROW_BYTES


@contextmanager
def _explained(tell: Tell | None) -> Iterator[None]:
    """Say what is waited for if the block takes long: the first time ever, the renderer is compiled."""
    text = "compiling the renderer; only the first time takes this long ..."
    timer = threading.Timer(_PATIENCE, tell or (lambda _: None), (text,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _draw_all(studio: _Studio, todo: Sequence[_Volume], threads: int, tell: Tell | None) -> None:
    """Draw and write what is missing."""
    total = sum(studio.length(plan) for volume in todo for plan in volume.plans)
    bar = tqdm(total=total, unit=" frames", leave=False, dynamic_ncols=True, disable=None if tell else True)
    with bar, closing(in_order(studio.draw, studio.batches(todo), threads)) as stream:

        def next_volume() -> Iterator[Drawn[Any]]:
            for batch, drawn in stream:
                bar.update(len(batch))
                yield drawn
                if batch.last:
                    return

        for volume in todo:
            studio.write(volume, next_volume())


def _finish(studio: _Studio, out: Path, described: dict[str, Any], paths: Sequence[Path]) -> Made:
    """Write manifest, episodes, card, and the numbers."""
    manifest = pa.concat_tables([shards.read_rows(path) for path in paths])
    shards.write_table(out / folder.PEOPLE, shards.people(studio.persons()))
    shards.write_table(out / folder.MANIFEST, manifest)
    if studio.order.name == "conference":
        write_text(out / "episodes.csv", _episodes(studio))
    numbers = {
        "frames": len(manifest),
        "clips": len(studio.plans),
        "subjects": len(studio.subjects),
        "bytes": sum(path.stat().st_size for path in paths),
        "sha256": shards.sha256(paths),
    }
    described = {**described, "finished": numbers}
    write_text(out / folder.CARD, card.text(described, manifest, studio.difficulty))
    folder.describe(out, described)
    return _made(out, described)


def _episodes(studio: _Studio) -> str:
    """Return the planted episodes as CSV."""
    lines = ["clip,start_s,end_s,expression,intensity"]
    for plan in studio.plans:
        for one in plan.script(studio.order.seed, studio.difficulty).episodes:
            lines.append(f"{plan.clip},{one.start_s:.3f},{one.end_s:.3f},{one.expression},{one.intensity:.4f}")
    return "\n".join(lines)


def _made(out: Path, described: dict[str, Any]) -> Made:
    numbers = described["finished"]
    return Made(out, int(numbers["frames"]), int(numbers["bytes"]), str(numbers["sha256"]))
