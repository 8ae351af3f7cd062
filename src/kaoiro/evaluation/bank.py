"""A bank of rendered recordings: the same faces doing the same under other light, pose, camera and compression, scored.

Every identity sits for many short sessions of speech, blinks and twitches at rest, each with its own light, start pose,
camera and background, at every nuisance level of the set `conference`, by whose scripts they move. Within each session
the person shows weak anger once, at that set's intensities; the same seconds are drawn again with the strong anger of
posed faces (syn-id), so that what a model overlooks is told from what the statistics cannot hold. What is asked of long
recordings is asked of recordings that are put together from blocks of these (`evaluation.replicates`).

Frames are drawn at 2 a second of presentation time, 240 × 208 pixels with a face about 117 pixels high, written as a
video by the encoder of the rendered sets, and read, detected, aligned and measured as users' videos are. Since whole
videos at 25 frames a second are not drawn, the encoder sees frames half a second apart: it predicts less from one to
the next and repeats less of one frame's errors in the next. Rows of every model come from the same detections.

Layout:   OUT/bank.json               all that decides the scores
          OUT/parts/NNN-IDENTITY-LEVEL.parquet   one session, written whole; what lies there is not made again
          OUT/bank.parquet            all that lie there, written last
Columns:  identity, session, level, strength ('weak': a whole session; 'strong': its seconds of anger again), time_s,
          label ('neutral' or what is shown), intensity, yaw, pitch, model, digest, found, face_score, face_size,
          sharpness, and every score of the model (NaN where it has none, or no face was found).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from kaoiro.core import modelfile
from kaoiro.core.checks import at_least, positive, require
from kaoiro.core.encode import VideoWriter
from kaoiro.core.errors import OutputError
from kaoiro.core.files import replacing, sweep, write_text, writing
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.revision import commit
from kaoiro.faces.detect import CenterFace, Detection
from kaoiro.faces.frame import Frame
from kaoiro.faces.scout import sightings
from kaoiro.faces.video import VideoFile
from kaoiro.inference.engine import Engine, MeasuredFace
from kaoiro.synthesis.difficulty import Difficulty, load
from kaoiro.synthesis.film import Film, scene_window
from kaoiro.synthesis.script import Script, conference
from kaoiro.synthesis.world import FaceWorld
from kaoiro.timeline.sampled import STEP_S

NAME = "bank"
MODELS = ("affect", "stills-both")
"""`stills` answers expressions as `affect` does, which carries its head."""
SCENE, FACE = (240, 208), 0.5625
"""Width and height in pixels, and the share of the height that a face takes."""
PLANTED = 0.25
"""Share of a session in which its expression is visible."""
STRENGTHS = {"weak": "conference", "strong": "syn-id"}
"""The set from whose range the intensity at the apex is drawn."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class BankConfig:
    """What is drawn.

    Attributes:
        identities: people.
        sessions: of each at every level.
        seconds: of a session.
        levels: of nuisance.
        models: that score the same frames; the first one is the one that floors are for.
        seed: of everything that is drawn.
    """

    identities: int = 20
    sessions: int = 12
    seconds: float = 10.0
    levels: tuple[str, ...] = ("low", "medium", "high")
    models: tuple[str, ...] = MODELS
    seed: int = 0

    def __post_init__(self) -> None:
        at_least("identities", 1, self.identities)
        at_least("sessions", 1, self.sessions)
        positive("seconds of a session", self.seconds)
        at_least("seed", 0, self.seed)
        require(bool(self.levels) and bool(self.models), "levels and models", "at least one each", "none")


def make(
    out: str | Path,
    config: BankConfig | None = None,
    world: FaceWorld | str | Path | None = None,
    threads: int | None = 1,
    tell: Tell | None = None,
    only: str | None = None,
) -> Path:
    """Draw and score a bank, or finish one that was begun with the same settings; return OUT/bank.parquet.

    Sessions go round by round through all identities, so that more of them can be added to a bank later.

    Args:
        out: folder of the bank.
        config: what is drawn.
        world: that draws, or the folder of its assets; None takes the variable KAOIRO_ICT_FACE.
        threads: processor threads of detector and models.
        tell: receives what a person should know; None is silent and draws no bar.
        only: level of the sessions that are drawn now; those that lie there of other levels stay in the bank.

    Raises:
        InputError: `only` is none of the levels.
        DataError: the assets are missing or damaged.
        ModelError: a model is missing.
        OutputError: the folder holds another bank, or cannot be written.
    """
    config, out = config or BankConfig(), Path(out)
    studio = _Studio(config, world if isinstance(world, FaceWorld) else FaceWorld(world), threads)
    _claim(out, studio.settings())
    levels = config.levels if only is None else (only,)
    require(set(levels) <= set(config.levels), "level", f"one of {', '.join(config.levels)}", only)
    every = product(range(config.sessions), range(config.identities), levels)
    files = {visit: out / "parts" / f"{visit[0]:03d}-{studio.name(visit[1])}-{visit[2]}.parquet" for visit in every}
    todo = {visit: file for visit, file in files.items() if not file.is_file()}
    if tell:
        tell(f"bank: {len(todo)} of {len(files)} sessions to draw and score, into {out}")
    for (number, person, level), file in tqdm(todo.items(), unit=" sessions", disable=None if tell else True):
        _write(file, pa.Table.from_pylist(list(studio.session(person, number, level))))
    tables = [pq.read_table(file) for file in sorted((out / "parts").glob("*.parquet"))]
    _write(out / f"{NAME}.parquet", pa.concat_tables(tables, promote_options="permissive"))
    return out / f"{NAME}.parquet"


def _write(path: Path, table: pa.Table) -> None:
    with writing(path), replacing(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def _claim(out: Path, settings: dict[str, Any]) -> None:
    """Write what decides the scores beside them; refuse a folder that was begun with anything else."""
    file = out / f"{NAME}.json"
    with writing(out):
        (out / "parts").mkdir(parents=True, exist_ok=True)
    sweep(out / "parts")
    if file.is_file():
        found = {**json.loads(file.read_text("utf-8")), "commit": settings["commit"]}
        sizes = {name: settings[name] for name in ("sessions", "identities")}  # more can be added
        if {**found, **sizes} != json.loads(json.dumps(settings)):
            raise OutputError(f"{out} holds a bank of other settings: name another folder, or empty this one")
    write_text(file, json.dumps(settings, indent=2))


class _Studio:
    """What draws and scores sessions."""

    def __init__(self, config: BankConfig, world: FaceWorld, threads: int | None) -> None:
        self._config, self._world = config, world
        self._difficulty = _with_length(load(), config.seconds)
        self._models = [modelfile.load(name) for name in config.models]
        detector = CenterFace(threads=threads)
        self._engines = [Engine(model, lambda: detector, None, threads) for model in self._models]

    def settings(self) -> dict[str, Any]:
        """Return all that decides the scores."""
        models = {model.name: model.digest for model in self._models}
        made = {"difficulty": self._difficulty.digest("conference"), "assets": self._world.assets.sha256}
        scene = {"scene": list(SCENE), "face": FACE, "planted": PLANTED, "step_s": STEP_S}
        return {"format": 1, **asdict(self._config), "models": models, **made, **scene, "commit": commit()}

    def name(self, person: int) -> str:
        """Return the name of an identity."""
        return f"bank-{person:03d}"

    def session(self, person: int, number: int, level: str) -> Iterator[dict[str, Any]]:
        """Yield a row for every frame and model of a session."""
        place = self._config.levels.index(level) + len(self._config.levels) * number  # each level has its own sessions
        shots: dict[int, np.ndarray] = {}
        for strength, source in STRENGTHS.items():
            script = conference(
                self.name(person), place, PLANTED, _at(self._difficulty, source), self._config.seed, level=level
            )
            frames = _sampled_frames(script)
            planted = script.intensity[frames] > 0
            asked = np.ones(len(frames), bool) if strength == "weak" else planted
            self._draw(script, frames[asked], shots)
            with tempfile.TemporaryDirectory() as folder:
                path = _encoded(Path(folder) / "session.mp4", script, frames, shots)
                for frame, faces in self._measured(path, frames, asked):
                    truth = _truth(script, frame) | {"session": number, "strength": strength}
                    yield from (truth | _answer(model, face) for model, face in zip(self._models, faces, strict=True))

    def _draw(self, script: Script, frames: np.ndarray, shots: dict[int, np.ndarray]) -> None:
        """Draw frames of a script into `shots`, over those that are there already."""
        person = self._world.person(script.subject, self._config.seed)
        film = Film(self._world, script, person, self._difficulty, SCENE, scene_window(SCENE, FACE))
        shots |= {frame: film.shot(frame).pixels for frame in frames.tolist()}

    def _measured(
        self, path: Path, frames: np.ndarray, asked: np.ndarray
    ) -> Iterator[tuple[int, list[MeasuredFace | None]]]:
        """Yield for each frame of a video that is asked for its largest face as every model measures it."""
        shown = sightings(VideoFile(path).frames())
        for frame, wanted, sighting in zip(frames.tolist(), asked.tolist(), shown, strict=True):
            if not wanted:
                continue
            first = self._engines[0].frame(sighting).faces[:1]
            found = [face.detection for face in first]
            answers = [first, *(self._again(engine, sighting.frame, found) for engine in self._engines[1:])]
            yield frame, [one[0] if one else None for one in answers]

    def _again(self, engine: Engine, frame: Frame, found: list[Detection]) -> list[MeasuredFace]:
        """Measure faces that were found."""
        return engine.measure(frame.luma() if engine.channels == 1 else frame.rgb(), found)


def _encoded(path: Path, script: Script, frames: np.ndarray, shots: dict[int, np.ndarray]) -> Path:
    with VideoWriter(path, *SCENE, 1 / STEP_S, threads=1) as video:
        for frame in frames.tolist():
            video.write(shots[frame], float(script.time_s[frame]))
    return path


def _at(difficulty: Difficulty, source: str) -> Difficulty:
    """Return the numbers by which planted showings are as strong as in another set."""
    sets = dict(difficulty.sets)
    sets["conference"] = replace(sets["conference"], intensity=difficulty.set(source).intensity)
    return replace(difficulty, sets=sets)


def _with_length(difficulty: Difficulty, seconds: float) -> Difficulty:
    return replace(difficulty, conference=replace(difficulty.conference, minutes=seconds / 60))


def _sampled_frames(script: Script) -> np.ndarray:
    """Return the first frame at or after each half second of presentation time, as `kaoiro analyze --every` takes."""
    slots = np.floor(script.time_s / STEP_S + 1e-6).astype(int)
    return np.flatnonzero(np.diff(slots, prepend=-1))


def _truth(script: Script, frame: int) -> dict[str, Any]:
    return {
        "identity": script.subject,
        "level": script.level,
        "time_s": float(script.time_s[frame]),
        "label": str(script.labels[frame]),
        "intensity": float(script.intensity[frame]),
        "yaw": float(script.yaw[frame]),
        "pitch": float(script.pitch[frame]),
    }


def _answer(model: ModelFolder, face: MeasuredFace | None) -> dict[str, Any]:
    row: dict[str, Any] = {"model": model.name, "digest": model.digest, "found": face is not None}
    if face is None:
        return row
    record = face.record("", 0, 0.0, None)
    gauges = {name: getattr(record, name) for name in ("face_score", "face_size", "sharpness")}
    return row | gauges | dict(record.scores)
