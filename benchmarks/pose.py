"""Measure how well five points tell yaw and pitch: of rendered faces whose pose is known, and of frontal photographs.

    python benchmarks/pose.py [--people 24] [--assets DIR] [--london TAR]

Prints one JSON object: correlation and mean absolute error of yaw and pitch, as estimated from the points that the
package's detector finds; pitch also from each person's own level; how often a bow counts as reading (20° below the
own level), by its angle; and, of photographs of people who look straight ahead (a tar of them), mean and standard
deviation of both.
"""

from __future__ import annotations

import argparse
import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from kaoiro.faces.detect import CenterFace, detect_in
from kaoiro.faces.pose import yaw_and_pitch
from kaoiro.synthesis.film import scene_window
from kaoiro.synthesis.light import draw_light
from kaoiro.synthesis.sensor import over
from kaoiro.synthesis.world import FaceWorld, Pose, State

SIZE = (480, 360)
BOWS = (-40.0, -30.0, -20.0, -10.0, 0.0, 10.0, 20.0)
TURNS = (-40.0, -25.0, -12.0, 12.0, 25.0, 40.0)


def rendered(people: int, assets: str | None) -> np.ndarray:
    """Return person, true yaw and pitch, and estimates of both, of every face that is found: (N, 5)."""
    world, detector, rng = FaceWorld(assets), CenterFace(threads=1), np.random.default_rng(0)
    window, rows = scene_window(SIZE, 0.5), []
    for number in range(people):
        person, light = world.person(f"pose-{number:03d}"), draw_light(rng, 0.4)
        for yaw, pitch in _poses(rng):
            pose = Pose(yaw, pitch, float(rng.uniform(-8, 8)))
            picture = world.render(person, State(np.zeros((2, 20))), pose, light, SIZE, window)
            linear = over(picture.pixels, np.full(3, 0.4, np.float32))
            pixels = (255 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8)
            rows += [(number, yaw, pitch, *found) for found in _found(pixels, detector)]
    return np.array(rows)


def _poses(rng: np.random.Generator) -> list[tuple[float, float]]:
    mixed = [(float(rng.uniform(-30, 30)), float(rng.uniform(-35, 15))) for _ in range(4)]
    return [(0.0, bow) for bow in BOWS] + [(turn, 0.0) for turn in TURNS] + mixed


def _found(pixels: np.ndarray, detector: CenterFace) -> Iterator[tuple[float, float]]:
    for face in detect_in(pixels, detector)[:1]:
        if face.landmarks is not None:
            yaw, pitch = yaw_and_pitch(face.landmarks[None])
            yield float(yaw[0]), float(pitch[0])


def photographs(path: str) -> np.ndarray:
    """Return estimates of yaw and pitch of all JPEGs in a tar: (N, 2)."""
    detector, rows = CenterFace(threads=1), []
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.lower().endswith(".jpg") else None
            if file is not None:
                rows += _found(np.array(Image.open(io.BytesIO(file.read())).convert("RGB")), detector)
    return np.array(rows)


def figures(rows: np.ndarray) -> dict[str, Any]:
    """Return what the estimates are worth."""
    person, yaw, pitch, found_yaw, found_pitch = rows.T
    own = found_pitch.copy()
    for number in np.unique(person):
        own[person == number] -= np.median(own[(person == number) & (pitch == 0)])
    bowed = {f"{bow:g}": round(float((own[(pitch == bow) & (yaw == 0)] < -20).mean()), 3) for bow in BOWS}
    parts: dict[str, tuple[np.ndarray, np.ndarray]] = {
        "yaw": (found_yaw, yaw),
        "pitch": (found_pitch, pitch),
        "pitch from the own level": (own, pitch),
    }
    found: dict[str, Any] = {"faces": len(rows)}
    return found | {name: _error(*part) for name, part in parts.items()} | {"reading": bowed}


def _error(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    error = found - truth
    return {
        "correlation": round(float(np.corrcoef(found, truth)[0, 1]), 3),
        "mean absolute error": round(float(np.abs(error).mean()), 2),
        "bias": round(float(error.mean()), 2),
    }


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--assets")
    parser.add_argument("--london")
    arguments = parser.parse_args()
    result = figures(rendered(arguments.people, arguments.assets))
    if arguments.london:
        frontal = photographs(arguments.london)
        for place, name in enumerate(("yaw", "pitch")):
            result[f"photographs, {name}"] = [round(float(one(frontal[:, place])), 2) for one in (np.mean, np.std)]
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
