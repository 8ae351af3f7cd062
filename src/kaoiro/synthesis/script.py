"""Scripts: all that a clip shows, frame by frame, before anything is drawn.

The truth of a script is what is meant: `units` say what the face does on either side, with blinks, twitches, and what
speech does to jaw and lip corners (action units 26 and 20); manifests have them as a coder scores them
(`action_units.scored`). `intensity`, `valence`, `arousal` and `labels` say what the expression is and ignore all of
these. Noise of valence and arousal is drawn once per showing and rises and falls with it: at rest both are exactly 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from kaoiro.core.checks import at_least, below_one, require
from kaoiro.core.labels import ACTION_UNITS
from kaoiro.synthesis.action_units import UNITS, column
from kaoiro.synthesis.difficulty import Difficulty, Range, load, ordered
from kaoiro.synthesis.motion import ramp, reached, speech
from kaoiro.synthesis.nuisance import Draw, both_sides, nuisance
from kaoiro.synthesis.planting import places
from kaoiro.synthesis.prototypes import NEUTRAL, SHOWN, TABLES, affect, affect_of_blend, mean, sample
from kaoiro.synthesis.seeds import number as seed_of
from kaoiro.synthesis.seeds import stream

STILL_TABLE = "facs"
"""Prototypes of stills: the table without observational units, so that nothing hangs on a threshold."""
_SPOKEN = {26: ("jawOpen", "jawOpen"), 20: ("mouthStretch_L", "mouthStretch_R")}
"""Action units that speech moves, and the blendshapes of a talking mouth that are theirs, left and right."""


@dataclass(frozen=True)
class Episode:
    """A planted showing.

    Attributes:
        start_s: from when its frames carry its label, seconds.
        end_s: until when, seconds.
        expression: which.
        intensity: at the apex, 0–1.
    """

    start_s: float
    end_s: float
    expression: str
    intensity: float


@dataclass(frozen=True, eq=False)
class Script:
    """What a clip of T frames shows.

    Attributes:
        subject: who.
        clip: which; unique within a subject.
        level: nuisance level; the renderer takes the ranges of light from it.
        expression: of the clip; of a blend, the one that is shown most strongly.
        time_s: (T,) increasing seconds from 0.
        units: (T, 2, 20) float32 intensities 0–1 of the action units; row 0 the subject's left.
        intensity: (T,) float32, 0–1, of the expression; 0 throughout in a neutral clip.
        valence: (T,) −1 to 1.
        arousal: (T,) −1 to 1.
        labels: (T,) str: the expression where it is visible, else 'neutral'.
        yaw: (T,) degrees, positive to the right of the picture.
        pitch: (T,) degrees, positive upwards.
        roll: (T,) degrees, positive clockwise as seen.
        shift: (T, 2) right and down in the picture, shares of the face box.
        zoom: (T,) relative size, above 0.
        box_jitter: (T, 3) error of the detected box: right and down in shares of its side, relative size (0 is none).
        gaze: (T, 2) degrees right of the picture and up.
        exposure: (T,) factor of the light, above 0.
        blur: sigma in pixels of a face of 96 pixels.
        noise: standard deviation in grey levels of 0–255.
        jpeg: quality, 1–100.
        light_seed: of the light's direction, strength and colour.
        background_seed: of what lies behind.
        noise_seed: of the sensor.
        shapes: blendshape name to further weights (T,), 0–1: what lips do in speech that is no action unit of ours.
        episodes: planted ones, in order of time.
    """

    subject: str
    clip: str
    level: str
    expression: str
    time_s: np.ndarray
    units: np.ndarray
    intensity: np.ndarray
    valence: np.ndarray
    arousal: np.ndarray
    labels: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    shift: np.ndarray
    zoom: np.ndarray
    box_jitter: np.ndarray
    gaze: np.ndarray
    exposure: np.ndarray
    blur: float
    noise: float
    jpeg: int
    light_seed: int
    background_seed: int
    noise_seed: int
    shapes: Mapping[str, np.ndarray] = field(default_factory=dict)
    episodes: tuple[Episode, ...] = ()

    def __post_init__(self) -> None:
        ends = {"units": (2, len(ACTION_UNITS)), "shift": (2,), "box_jitter": (3,), "gaze": (2,)}
        arrays = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        for name, value in {**arrays, **self.shapes}.items():
            wish = (len(self.time_s), *ends.get(name, ()))
            require(
                value.shape == wish, f"shape of {name} in script {self.subject}/{self.clip}", str(wish), value.shape
            )

    def __len__(self) -> int:
        return len(self.time_s)


@dataclass(frozen=True, eq=False)
class Showing:
    """One rise and fall of an expression.

    Attributes:
        label: the (dominating) expression.
        peak: intensity at the apex, 0–1.
        units: (20,) at the apex, 0–1.
        affect: valence and arousal at the apex.
        course: (T,) 0–1, which all of them follow.
    """

    label: str
    peak: float
    units: np.ndarray
    affect: tuple[float, float]
    course: np.ndarray


def expression_clip(
    subject: str,
    clip: str,
    expression: str,
    level: str,
    intensity: str | Range,
    seed: int,
    difficulty: Difficulty,
    *,
    variable_rate: bool = False,
) -> Script:
    """Write one clip: neutral → onset → apex → offset → neutral.

    The plateau of the apex is centred on frame T // 2 and holds the three frames on either side.

    Args:
        subject: who.
        clip: which; unique within the subject.
        expression: one of FER2013; 'neutral' shows nothing at all.
        level: nuisance level.
        intensity: range at the apex, 0–1, or the name of the set that has one.
        seed: of the whole set.
        difficulty: all numbers.
        variable_rate: draw irregular time stamps.

    Raises:
        InputError: unknown expression, level or set, a range that is none, or a negative seed.
    """
    draw = partial(stream, seed, subject, clip)
    frames, timing = difficulty.timing.frames, draw("timing")
    time_s = _times(int(timing.integers(*frames, endpoint=True)), variable_rate, difficulty, draw)
    peak = float(draw("intensity").uniform(*_span(intensity, difficulty)))
    shares = _phases(difficulty, timing)
    course = ramp(time_s, float(time_s[len(time_s) // 2]), *(shares * time_s[-1]))
    showing = _showing({expression: 1.0}, peak, course, difficulty, draw)
    return _script(subject, clip, level, expression, time_s, [showing], seed, difficulty)


def blend_clip(
    subject: str,
    clip: str,
    level: str,
    intensity: str | Range,
    seed: int,
    difficulty: Difficulty,
    *,
    variable_rate: bool = False,
) -> Script:
    """Write a video of several showings in a row, some of which mix two expressions.

    A blend has the weighted means of the units and of valence and arousal; its label is the
    expression of the greater weight, its intensity that of the whole.

    Args:
        subject: who.
        clip: which; unique within the subject.
        level: nuisance level.
        intensity: range at the apices, 0–1, or the name of the set that has one.
        seed: of the whole set.
        difficulty: all numbers.
        variable_rate: draw irregular time stamps.

    Raises:
        InputError: unknown level or set, a range that is none, or a negative seed.
    """
    draw, span = partial(stream, seed, subject, clip), _span(intensity, difficulty)
    timing, blend = draw("timing"), difficulty.blend
    time_s = _times(int(timing.integers(*blend.frames, endpoint=True)), variable_rate, difficulty, draw)
    count = int(timing.integers(*blend.showings, endpoint=True))
    slot, showings = time_s[-1] / count, []
    for place in range(count):
        part = partial(draw, f"showing {place}")
        course = ramp(time_s, (place + 0.5) * slot, *(_phases(difficulty, part("timing")) * slot))
        peak = float(part("intensity").uniform(*span))
        showings.append(_showing(_weights(difficulty, part("blend")), peak, course, difficulty, part))
    strongest = max(showings, key=lambda showing: showing.peak)
    return _script(subject, clip, level, strongest.label, time_s, showings, seed, difficulty)


def still(subject: str, expression: str, difficulty: Difficulty | None = None) -> Script:
    """Write one frame: frontal, no nuisance, and for everybody the same light, units and intensity.

    Raises:
        InputError: an expression that has no prototype.
    """
    difficulty = difficulty or load()
    wanted = difficulty.set("syn-swap")
    peak = sum(wanted.intensity) / 2
    units = mean(expression, STILL_TABLE, peak)
    valence, arousal = np.multiply(peak, affect_of_blend({expression: 1.0}))
    showing = Showing(expression, peak, units, (valence, arousal), np.full(1, float(expression != NEUTRAL)))
    # one name and seed for everybody: nothing but subject and expression differs
    script = _script("all", "still", wanted.levels[0], expression, np.zeros(1), [showing], 0, difficulty)
    return replace(script, subject=subject, clip=f"still-{expression}")


def in_one_session(script: Script, seed: int) -> Script:
    """Give a clip the light and the background that all clips of its subject have.

    Args:
        script: of the clip.
        seed: of the whole set.
    """
    light, behind = (seed_of(seed, script.subject, "session", what) for what in ("light", "background"))
    return replace(script, light_seed=light, background_seed=behind)


def conference(
    subject: str,
    number: int,
    planted_share: float,
    difficulty: Difficulty,
    seed: int,
    *,
    expression: str | None = None,
    level: str | None = None,
) -> Script:
    """Write minutes of speech with a neutral face and planted weak showings of one expression.

    The share of frames that carry the expression's label is `planted_share` to the nearest frame.
    An episode is shorter than the shortest asked for only if the whole share is. Jaw and lip corners speak through
    the action units, the other lip shapes beside them.

    Args:
        subject: who speaks.
        number: of the recording, 0 or more.
        planted_share: of time, 0 to below 1.
        difficulty: all numbers.
        seed: of the whole set.
        expression: to plant; None takes the one of `difficulty`.
        level: of nuisance; None takes the first that `difficulty` names for the set.

    Raises:
        InputError: a number, share, seed, expression or level that cannot be, or more episodes than find room.
    """
    at_least("number of the recording", 0, number)
    below_one("planted share", planted_share)
    label = expression or difficulty.conference.expression
    require(label in SHOWN, "planted expression", f"one of {', '.join(SHOWN)}", label)
    clip, fps = f"conference-{number:02d}", difficulty.timing.fps
    draw = partial(stream, seed, subject, clip)
    time_s = np.arange(round(difficulty.conference.minutes * 60 * fps)) / fps
    planted = places(round(planted_share * len(time_s)), len(time_s), difficulty, draw("episodes"))
    showings = [
        _plant(label, first, count, time_s, difficulty, partial(draw, f"showing {place}"))
        for place, (first, count) in enumerate(planted)
    ]
    edges = [((first - 0.5) / fps, (first + count - 0.5) / fps) for first, count in planted]
    episodes = tuple(Episode(*edge, label, made.peak) for edge, made in zip(edges, showings, strict=True))
    level, name = level or difficulty.set("conference").levels[0], label if episodes else NEUTRAL
    script = _script(subject, clip, level, name, time_s, showings, seed, difficulty)
    return replace(_spoken(script, speech(time_s, difficulty.speech, draw("speech"))), episodes=episodes)


def _spoken(script: Script, mouth: Mapping[str, np.ndarray]) -> Script:
    """Let a script's face speak: through its action units where a shape of the mouth is one, else through shapes."""
    units, left = script.units.copy(), dict(mouth)
    for unit, names in _SPOKEN.items():
        for side, name in enumerate(names):
            full = UNITS[unit].weights[name.split("_")[0]]
            units[:, side, column(unit)] += mouth[name] / full
            left.pop(name, None)
    return replace(script, units=np.clip(units, 0, 1), shapes=left)


def _times(count: int, variable_rate: bool, difficulty: Difficulty, draw: Draw) -> np.ndarray:
    """Return (count,) seconds from 0."""
    if not variable_rate:
        return np.arange(count) / difficulty.timing.fps
    return np.concatenate([[0.0], np.cumsum(1 / draw("rate").uniform(*difficulty.timing.rates, count - 1))])


def _span(intensity: str | Range, difficulty: Difficulty) -> Range:
    span = difficulty.set(intensity).intensity if isinstance(intensity, str) else intensity
    ordered("intensity at the apex", span, 0, 1)
    return span


def _phases(difficulty: Difficulty, rng: np.random.Generator) -> np.ndarray:
    """Draw the shares (3,) of onset, apex and offset."""
    timing = difficulty.timing
    return np.array([rng.uniform(*span) for span in (timing.onset, timing.apex, timing.offset)])


def _weights(difficulty: Difficulty, rng: np.random.Generator) -> dict[str, float]:
    """Draw one expression, or two with their weights, the greater first."""
    first, second = (str(label) for label in rng.choice(SHOWN, 2, replace=False))
    mixed, minor = rng.random() < difficulty.blend.blended, float(rng.uniform(*difficulty.blend.minor))
    return {first: 1 - minor, second: minor} if mixed else {first: 1.0}


def _showing(
    weights: Mapping[str, float], peak: float, course: np.ndarray, difficulty: Difficulty, draw: Draw
) -> Showing:
    """Draw how strongly a person shows a blend; the first expression names it."""
    label, truth = next(iter(weights)), difficulty.truth
    rng = draw("prototypes")
    table = tuple(TABLES)[int(rng.random() >= truth.facs_share)]
    units = sum((weight * sample(name, table, peak, rng) for name, weight in weights.items()), np.zeros(1))
    centre = affect(weights, peak, draw("affect"), truth.affect_sd)
    return Showing(label, peak, units, centre, course * float(label != NEUTRAL))


def _plant(label: str, first: int, count: int, time_s: np.ndarray, difficulty: Difficulty, draw: Draw) -> Showing:
    """Draw a showing whose label is visible in exactly the frames asked for."""
    fps = difficulty.timing.fps
    start, length = (first - 0.5) / fps, count / fps
    peak = float(draw("intensity").uniform(*difficulty.set("conference").intensity))
    onset, _, offset = _phases(difficulty, draw("timing")) * length
    seen = 1 - reached(difficulty.truth.visible / peak)  # share of the flanks above the threshold
    begin, end = start + seen * onset, start + length - seen * offset
    course = ramp(time_s, (begin + end) / 2, onset, end - begin, offset)
    return _showing({label: 1.0}, peak, course, difficulty, draw)


def _script(
    subject: str,
    clip: str,
    level: str,
    expression: str,
    time_s: np.ndarray,
    showings: Sequence[Showing],
    seed: int,
    difficulty: Difficulty,
) -> Script:
    """Put showings, nuisance and the seeds of the renderer together."""
    draw, wanted = partial(stream, seed, subject, clip), difficulty.level(level)
    course = sum((np.outer(one.course, one.units) for one in showings), np.zeros((len(time_s), len(ACTION_UNITS))))
    felt = sum((np.outer(one.course, one.affect) for one in showings), np.zeros((len(time_s), 2)))
    intensity, labels = _visible(showings, len(time_s), difficulty.truth.visible)
    return Script(
        subject=subject,
        clip=clip,
        level=level,
        expression=expression,
        time_s=time_s,
        units=both_sides(course, wanted, time_s, draw),
        intensity=intensity,
        valence=felt[:, 0],
        arousal=felt[:, 1],
        labels=labels,
        **nuisance(wanted, time_s, draw),
        light_seed=seed_of(seed, subject, clip, "light"),
        background_seed=seed_of(seed, subject, clip, "background"),
        noise_seed=seed_of(seed, subject, clip, "noise"),
    )


def _visible(showings: Sequence[Showing], count: int, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Return intensity (T,) float32 and labels (T,) of showings that do not overlap."""
    intensity, labels = np.zeros(count, np.float32), np.full(count, NEUTRAL, "<U9")
    for one in showings:
        strength = (one.peak * one.course).astype(np.float32)
        labels[strength >= np.float32(threshold)] = one.label
        intensity += strength
    return intensity, labels
