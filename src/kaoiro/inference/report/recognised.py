"""Whose face counts, by a photo: the tracks of a recording that show the person, found by comparing embeddings.

A cut in the film, a turned head or a hand before the face gives one person a new track. Of each track a few good
samples are looked at again in the video, and the middle one of their similarities to the photo decides: it is a
similarity of two single pictures, for which thresholds of recognisers are published, and one bad picture does not move
it. No embedding is stored: what is returned are similarities.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kaoiro.core.checks import require
from kaoiro.core.errors import InputError
from kaoiro.core.types import Box
from kaoiro.faces import photo
from kaoiro.faces.detect import CenterFace, Detection, FaceDetector, detect_in
from kaoiro.faces.video import VideoFile
from kaoiro.inference.identity import own_encoder
from kaoiro.inference.recogniser import FaceEncoder, Recogniser
from kaoiro.inference.recording import Recorded
from kaoiro.inference.report.speaker import longest_first
from kaoiro.inference.report.videos import video_of

SAMPLES = 5
"""Of a track, spread over its time, that are looked at."""
MOST_TRACKS = 200
"""Of a recording, the longest, that are looked at; each costs up to `SAMPLES` jumps in the video."""
DOMINANT = 2.0
"""So many times as large (in height and width) as any other the face of a photo must be to be the one that is meant."""
SMALLEST = 32.0
"""Pixels of a face in a photo, below which it cannot be compared."""
_SAME_FACE = 0.5  # overlap of boxes in one picture from which they are one face
_RIM = 0.4  # of a picture's sides, laid around one that is cut so closely that a detector finds no face
_BOX = ("box_left", "box_top", "box_width", "box_height")
Advance = Callable[[str, float, float | None], None]


@dataclass(frozen=True, eq=False)
class Sought:
    """Who is looked for.

    Attributes:
        photo: of the person.
        encoder: compares faces.
        embedding: (E,) of the face in the photo, of length 1.
        same_from: cosine from which a face counts as the same person.
        detector: finds faces again in the video.
    """

    photo: Path
    encoder: FaceEncoder
    embedding: np.ndarray
    same_from: float
    detector: FaceDetector


@dataclass(frozen=True)
class Choice:
    """Which tracks of a recording are the person.

    Attributes:
        tracks: of the person, in the order in which they come; there is one at least.
        similarities: by track, of all that were looked at and found again in the video: cosine, middle of its samples.
        beside: tracks that are similar enough, too, but seen at the same time as a more similar one.
        same_from: cosine from which a face counted as the same person.
        recogniser: name and checksum of what compared.
        photo: of the person.
    """

    tracks: tuple[int, ...]
    similarities: Mapping[int, float]
    beside: tuple[int, ...]
    same_from: float
    recogniser: str
    photo: str

    @property
    def similarity(self) -> float:
        """Of the person's track that is most similar."""
        return max(self.similarities[track] for track in self.tracks)

    @property
    def least(self) -> float:
        """Of the person's track that is least similar."""
        return min(self.similarities[track] for track in self.tracks)

    @property
    def next_best(self) -> float | None:
        """Of the most similar other face; None where nobody else was found."""
        return max((value for track, value in self.similarities.items() if track not in self.tracks), default=None)


def person_of(
    picture: str | os.PathLike[str] | None,
    recogniser: str | os.PathLike[str] | None,
    same_from: float | None,
    otherwise: bool,
) -> Sought | None:
    """Return who is looked for, as options say; None where nobody is.

    Args:
        picture: photo of the person, if any.
        recogniser: see `sought`; without a photo it has no meaning.
        same_from: likewise.
        otherwise: whether the speaker is also named in another way.

    Raises:
        InputError: options that do not go together, and what `sought` raises.
        ModelError: see `sought`.
    """
    if picture is None:
        given = {"--recogniser": recogniser, "--same-from": same_from}
        for name, value in given.items():
            if value is not None:
                raise InputError(f"{name} has no meaning without --speaker PHOTO, which it compares faces with")
        return None
    if otherwise:
        raise InputError("--speaker finds the speaker by a photo; leave out --track and --largest")
    return sought(picture, recogniser, same_from)


def sought(
    picture: str | os.PathLike[str],
    recogniser: str | os.PathLike[str] | None = None,
    same_from: float | None = None,
    detector: FaceDetector | None = None,
) -> Sought:
    """Return who is looked for, from a photo.

    Args:
        picture: photo that shows one face, or one that is far larger than the others.
        recogniser: ONNX file of a face recogniser; None is system B's encoder of identity, if it tells people apart.
        same_from: cosine from which a face counts as the same person, 0-1; None is the recogniser's own.
        detector: None is CenterFace.

    Raises:
        InputError: the photo cannot be read or does not show one clear face, or the encoder is not good enough.
        ModelError: the file is no face recogniser.
    """
    require(same_from is None or 0 < same_from <= 1, "--same-from", "a cosine above 0 and up to 1", same_from)
    encoder = own_encoder() if recogniser is None else Recogniser(recogniser)
    detector = detector or CenterFace()
    pixels, face = clear_face(picture, detector)
    embedding = encoder.encode(encoder.crops(pixels, [face]))[0]
    return Sought(Path(picture), encoder, embedding, same_from or encoder.same_from, detector)


def clear_face(picture: str | os.PathLike[str], detector: FaceDetector) -> tuple[np.ndarray, Detection]:
    """Return the pixels of a photo and its one clear face; a rim is laid around photos that are cut closely.

    Raises:
        InputError: the photo cannot be read, or shows no face, several like large ones, or one that is too small.
    """
    pixels = photo.read(picture)
    found = detect_in(pixels, detector)
    if not found:
        high, wide = (round(_RIM * side) for side in pixels.shape[:2])
        pixels = np.pad(pixels, ((high, high), (wide, wide), (0, 0)), mode="edge")
        found = detect_in(pixels, detector)
    sizes = sorted((face.box.area**0.5 for face in found), reverse=True)
    rivals = [size for size in sizes if size * DOMINANT > sizes[0]]
    if len(rivals) != 1:
        why = f"shows {len(rivals)} faces of like size" if rivals else "shows no face"
        raise InputError(f"{picture}: {why}; give a photo of the one person who is meant, or cut one out")
    if sizes[0] < SMALLEST:
        raise InputError(f"{picture}: the face is {sizes[0]:.0f} pixels large; {SMALLEST:.0f} are needed to compare it")
    return pixels, max(found, key=lambda face: face.box.area)


def chosen_tracks(recorded: Recorded, person: Sought, advance: Advance = lambda name, time_s, length_s: None) -> Choice:
    """Return which tracks of a recording are a person.

    Tracks count from `person.same_from` on, the most similar first; one that is ever seen in a frame with a track
    that counts already is somebody else, however similar.

    Args:
        recorded: the recording; its video is looked for beside its records.
        person: who is looked for.
        advance: called with a name, seconds done and length.

    Raises:
        InputError: the video is not at hand, is not the one that was measured, or nobody in it is similar enough.
    """
    video = video_of(recorded)
    if video is None:
        raise InputError(
            f"{recorded.file}: --speaker compares faces in the video {recorded.source}, which is not at hand; put it "
            "beside the records, or choose by --track"
        )
    similarities = _similarities(recorded, person, video, advance)
    if not similarities:
        raise InputError(f"{video}: its faces are not where {recorded.file} says; is it the video that was measured?")
    alike = [track for track in _ranked(similarities) if similarities[track] >= person.same_from]
    kept = _one_at_a_time(recorded, alike)
    if not kept:
        best = _ranked(similarities)[0]
        raise InputError(
            f"{recorded.source}: nobody in it is the person of {person.photo}: the most similar face, track {best}, "
            f"has {similarities[best]:.2f}, and {person.same_from:g} is needed (--same-from); choose by --track"
        )
    beside = tuple(track for track in alike if track not in kept)
    tracks = tuple(sorted(kept, key=lambda track: (_times(recorded, track)[0], track)))
    return Choice(tracks, similarities, beside, person.same_from, person.encoder.title, str(person.photo))


def _ranked(similarities: Mapping[int, float]) -> list[int]:
    return sorted(similarities, key=lambda track: (-similarities[track], track))


def _times(recorded: Recorded, track: int) -> np.ndarray:
    return recorded.columns["time_s"][recorded.tracks == track]


def _one_at_a_time(recorded: Recorded, tracks: Sequence[int]) -> list[int]:
    """Return the tracks that are never seen in one frame with one before them that counts."""
    kept: list[int] = []
    taken = np.empty(0)
    for track in tracks:
        times = _times(recorded, track)
        if not np.isin(times, taken).any():
            kept.append(track)
            taken = np.concatenate([taken, times])
    return kept


class _Look(NamedTuple):
    """A face that is looked at again: whose, when and where."""

    time_s: float
    track: int
    box: Box


def _similarities(recorded: Recorded, person: Sought, video: Path, advance: Advance) -> dict[int, float]:
    found: dict[int, list[float]] = {}
    looks = sorted(look for track in longest_first(recorded)[:MOST_TRACKS] for look in _looks(recorded, track))
    for track, similarity in _compared(looks, person, VideoFile(video), recorded, advance):
        found.setdefault(track, []).append(similarity)
    return {track: float(np.median(values)) for track, values in sorted(found.items())}


def _looks(recorded: Recorded, track: int) -> Iterator[_Look]:
    """Yield the best sample of each stretch of a track: large and sharp."""
    rows = np.flatnonzero(recorded.tracks == track)
    boxes = recorded.table(_BOX, rows)
    known = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    rows, boxes = rows[known], boxes[known]
    size, sharpness = np.nan_to_num(recorded.table(("face_size", "sharpness"), rows)).T
    times = recorded.columns["time_s"][rows]
    for part in np.array_split(np.argsort(times, kind="stable"), min(SAMPLES, len(rows)) or 1):
        if len(part):
            best = part[np.lexsort((size[part], size[part] * sharpness[part]))[-1]]
            yield _Look(float(times[best]), track, Box(*boxes[best].tolist()))


def _compared(
    looks: Sequence[_Look], person: Sought, video: VideoFile, recorded: Recorded, advance: Advance
) -> Iterator[tuple[int, float]]:
    """Yield track and similarity of each face that is found again where its record says."""
    times = sorted({look.time_s for look in looks})
    for time_s, frame in zip(times, video.near(times), strict=True):
        advance(f"{recorded.name}: who is who", time_s - recorded.start_s, recorded.end_s - recorded.start_s)
        if frame is None:
            continue
        pixels, there = frame.rgb(), [look for look in looks if look.time_s == time_s]
        faces = detect_in(pixels, person.detector, min(look.box.area**0.5 for look in there))
        for look in there:
            face = max(faces, key=lambda one: one.box.overlap(look.box), default=None)
            if face is not None and face.box.overlap(look.box) >= _SAME_FACE:
                embedding = person.encoder.encode(person.encoder.crops(pixels, [face]))[0]
                yield look.track, float(embedding @ person.embedding)
