"""What the sets of the FACS world consist of: which clips of whom, in which split, and which frames of them.

Splits:   syn-id: train, paper-test (as few subjects as in the seed), further-test; syn-vid, syn-mt: train, val, test;
          syn-posed as syn-id, whose clips they are in other surroundings;
          syn-swap: further-test, for its subjects are those of syn-id; syn-flicker: test, for its clips are those of
          syn-vid in other light; conference: test; syn-acts, syn-ward: train, val, test.
Roles:    `training` frames are learned from, `evaluation` frames are measured on. In syn-id and syn-posed the former
          are sampled at equal intervals and the latter lie around the apex, so that one frame can be both. Elsewhere
          the frames of the split train are for training, those of the others for evaluation: all there are, but of
          syn-acts a few at equal intervals, for its clips are many, and of syn-ward the one in the middle of the apex.
Names:    a clip's name and its place among those of its subject say nothing about its expression: in those and in
          syn-ward they are clip-0, clip-1 … in an order drawn for each subject (syn-acts: as they come, for acts are
          drawn), elsewhere a subject has one clip. In syn-swap they say it (still-anger), for nothing is learned from
          stills, and whoever looks up a true answer asks by expression.
Scale:    takes the first subjects of each split, at least as many as show every expression, give each kind of
          label and, in a conference, have one recording with and one without planted episodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from kaoiro.core.checks import require
from kaoiro.core.labels import FER2013
from kaoiro.synthesis import script as scripts
from kaoiro.synthesis.acts import act_clip
from kaoiro.synthesis.difficulty import Difficulty
from kaoiro.synthesis.prototypes import NEUTRAL, SHOWN
from kaoiro.synthesis.script import Script
from kaoiro.synthesis.seeds import stream

NAMES = ("syn-id", "syn-posed", "syn-vid", "syn-flicker", "syn-mt", "syn-swap", "conference", "syn-acts", "syn-ward")
SPLIT_SHARES = {
    "syn-vid": {"train": 0.6, "val": 0.2, "test": 0.2},
    "syn-mt": {"train": 0.7, "val": 0.1, "test": 0.2},
}
"""Of the subjects; syn-mt as in the seed of the multi-task family."""
ACT_SUBJECTS = {"train": 90, "val": 15, "test": 30}
"""Of syn-acts, by split: few actions are shown at a time, so people and clips must be many."""
ACT_CLIPS, ACT_FRAMES = 12, 5
"""Clips of each of them, and frames of each clip."""
WARD_SUBJECTS = {"train": 137, "val": 62, "test": 150}
"""Of syn-ward, by split, each with a picture of every expression: to learn from and to choose by as many pictures as
the set SFEW has (958 and 436), to measure on more than its 372, for narrower intervals."""
WARD_CUT = 1.4
"""Sides of a detector's cut that a picture of syn-ward has: the face is yet to be found in it."""
_SHOWN_FIRST = (*SHOWN, NEUTRAL)


@dataclass(frozen=True)
class Plan:
    """One clip to draw.

    Attributes:
        set: name of its set.
        subject: who.
        clip: which; unique within the subject.
        split: part of the set.
        level: of nuisance.
        expression: of the clip; empty where the script decides (syn-mt) or all is neutral but episodes (conference).
        number: of the recording (conference).
        share: of time that planted episodes take, 0–1 (conference).
        training: number of frames at equal intervals to learn from; None takes all.
        evaluation: number of frames around the apex to measure on; None takes all.
        around: whether these lie around the apex, and not at equal intervals.
        has_units: whether the action units are given away as labels.
        has_expression: whether the expression is.
    """

    set: str
    subject: str
    clip: str
    split: str
    level: str
    expression: str = ""
    number: int = 0
    share: float = 0.0
    training: int | None = 0
    evaluation: int | None = 0
    around: bool = True
    has_units: bool = True
    has_expression: bool = True

    def script(self, seed: int, difficulty: Difficulty, variable_rate: bool = False) -> Script:
        """Write the script of the clip; stills and conferences know no variable rate.

        Raises:
            InputError: a negative seed.
        """
        if self.set == "syn-swap":
            return scripts.still(self.subject, self.expression, difficulty)
        if self.set == "conference":
            ends = self.share, difficulty, seed
            return scripts.conference(self.subject, self.number, *ends, level=self.level)
        if self.set == "syn-acts":
            ends = self.level, seed, difficulty
            return act_clip(self.subject, self.clip, *ends, variable_rate=variable_rate)
        ends = self.level, self.set, seed, difficulty
        if self.set == "syn-ward":
            script = scripts.expression_clip(
                self.subject, self.clip, self.expression, *ends, variable_rate=variable_rate
            )
            return _widely_cut(script)
        if self.set == "syn-posed":
            script = scripts.expression_clip(
                self.subject, self.clip, self.expression, *ends, variable_rate=variable_rate
            )
            return scripts.in_one_session(script, seed)
        if self.set == "syn-mt":
            return scripts.blend_clip(self.subject, self.clip, *ends, variable_rate=variable_rate)
        return scripts.expression_clip(self.subject, self.clip, self.expression, *ends, variable_rate=variable_rate)

    def frames(self, length: int, reach: int) -> tuple[np.ndarray, np.ndarray]:
        """Return which frames of a clip are for training and which for evaluation: (length,) bool each.

        Args:
            length: of the clip, frames.
            reach: frames on either side of the centre among which those for evaluation are.
        """
        training, evaluation = np.zeros(length, bool), np.zeros(length, bool)
        training[_spread(length, self.training)] = True
        near = np.arange(max(0, length // 2 - reach), min(length, length // 2 + reach + 1))
        if self.evaluation is None or not self.around:
            near = np.arange(length)
        evaluation[near[_spread(len(near), self.evaluation)]] = True
        return training, evaluation


def plans(name: str, difficulty: Difficulty, scale: float = 1.0, seed: int = 0) -> list[Plan]:
    """Return all clips of a set, those of one subject together. What they show is drawn later, from the same seed.

    Args:
        name: one of `NAMES`.
        difficulty: gives numbers and levels.
        scale: share of the subjects, above 0 to 1.
        seed: of the whole set; orders the clips of each subject.

    Raises:
        InputError: unknown name, impossible scale or negative seed.
    """
    require(name in NAMES, "set", f"one of {', '.join(NAMES)}", name)
    require(0 < scale <= 1, "scale", "above 0 and at most 1", scale)
    make: dict[str, Callable[[Difficulty, float], list[Plan]]] = {
        "syn-id": partial(_syn_id, seed=seed),
        "syn-posed": partial(_syn_posed, seed=seed),
        "syn-vid": _syn_vid,
        "syn-flicker": _syn_flicker,
        "syn-mt": _syn_mt,
        "syn-swap": _syn_swap,
        "conference": _conference,
        "syn-acts": _syn_acts,
        "syn-ward": partial(_syn_ward, seed=seed),
    }
    return make[name](difficulty, scale)


def _scaled(count: int, scale: float, least: int = 1) -> int:
    """Return how many of `count` remain, at least `least` as far as there are so many."""
    return max(min(count, least), round(count * scale))


def _spread(length: int, count: int | None) -> np.ndarray:
    """Return `count` of `length` places at equal distances, in the middle of equal parts; None takes all."""
    if count is None or count >= length:
        return np.arange(length)
    return np.floor((np.arange(count) + 0.5) * length / count).astype(int)


def _portions(total: int, count: int) -> list[int]:
    """Return `count` whole numbers that sum to `total` and differ by at most 1."""
    return [(place + 1) * total // count - place * total // count for place in range(count)]


def _turns(levels: Sequence[str], place: int) -> str:
    """Return the level of a clip: in turn, shifted by one after every six expressions so that all pairs occur."""
    return levels[(place + place // len(SHOWN)) % len(levels)]


def _syn_id(difficulty: Difficulty, scale: float, seed: int) -> list[Plan]:
    sizes = difficulty.sizes
    per_clip = sizes.id_apex_paper / (sizes.id_paper * sizes.id_clips)
    further = round(per_clip * sizes.id_further * sizes.id_clips)
    found = [
        *_identities("train", "train", sizes.id_training, sizes.id_frames, sizes.id_apex_training, difficulty, scale),
        *_identities("paper-test", "paper", sizes.id_paper, 0, sizes.id_apex_paper, difficulty, scale),
        *_identities("further-test", "further", sizes.id_further, 0, further, difficulty, scale),
    ]
    groups = (found[start : start + sizes.id_clips] for start in range(0, len(found), sizes.id_clips))
    return [plan for group in groups for plan in _named(group, seed)]


def _syn_posed(difficulty: Difficulty, scale: float, seed: int) -> list[Plan]:
    """Return the clips of syn-id, at the level of this set."""
    level = difficulty.set("syn-posed").levels[0]
    return [replace(plan, set="syn-posed", level=level) for plan in _syn_id(difficulty, scale, seed)]


def _named(plans_of_one: Sequence[Plan], seed: int) -> list[Plan]:
    """Return the clips of one subject in an order drawn for it, named by their places."""
    order = stream(seed, plans_of_one[0].subject, "order of clips").permutation(len(plans_of_one))
    return [replace(plans_of_one[which], clip=f"clip-{place}") for place, which in enumerate(order.tolist())]


def _identities(
    split: str, short: str, subjects: int, training: int, apex: int, difficulty: Difficulty, scale: float
) -> list[Plan]:
    """Return the clips, yet without names, of a split of syn-id, whose frames at full size are `training`, `apex`."""
    count, per_subject = _scaled(subjects, scale), difficulty.sizes.id_clips
    clips, levels = count * per_subject, difficulty.set("syn-id").levels
    learned, measured = (_portions(round(total * count / subjects), clips) for total in (training, apex))
    result = []
    for place in range(clips):
        number, turn = divmod(place, per_subject)
        expression = FER2013.labels[turn % len(FER2013)]
        plan = Plan("syn-id", f"id-{short}-{number:03d}", "", split, _turns(levels, place), expression)
        result.append(replace(plan, training=learned[place], evaluation=measured[place]))
    return result


def _parts(name: str, total: int, scale: float, least: int) -> list[tuple[str, int]]:
    """Return each split of a set with its number of subjects."""
    shares = list(SPLIT_SHARES[name].items())
    ends = np.round(np.cumsum([0.0, *(share for _, share in shares)]) * total).astype(int)
    sizes = np.diff(ends).tolist()
    return [(split, _scaled(size, scale, least)) for (split, _), size in zip(shares, sizes, strict=True)]


def _whole(name: str, subject: str, clip: str, split: str, level: str, expression: str = "") -> Plan:
    """Return a clip of which all frames are kept."""
    training, evaluation = (None, 0) if split == "train" else (0, None)
    return Plan(name, subject, clip, split, level, expression, training=training, evaluation=evaluation)


def _syn_vid(difficulty: Difficulty, scale: float) -> list[Plan]:
    levels = difficulty.set("syn-vid").levels
    return [
        _whole("syn-vid", f"vid-{split}-{place:03d}", "clip", split, _turns(levels, place), SHOWN[place % len(SHOWN)])
        for split, count in _parts("syn-vid", difficulty.sizes.vid_clips, scale, len(SHOWN))
        for place in range(count)
    ]


def _syn_flicker(difficulty: Difficulty, scale: float) -> list[Plan]:
    """Return the clips of syn-vid's test people, at the level of this set."""
    level = difficulty.set("syn-flicker").levels[0]
    tested = (plan for plan in _syn_vid(difficulty, scale) if plan.split == "test")
    return [replace(plan, set="syn-flicker", level=level) for plan in tested]


def _syn_mt(difficulty: Difficulty, scale: float) -> list[Plan]:
    truth, levels = difficulty.truth, difficulty.set("syn-mt").levels
    wanted = [share for share in (truth.unit_labels, truth.expression_labels) if share > 0]
    least = math.ceil(1 / min(wanted)) if wanted else 1
    result = []
    for split, count in _parts("syn-mt", difficulty.sizes.mt_videos, scale, least):
        given = _given(count, (truth.unit_labels, truth.expression_labels))
        for place in range(count):
            plan = _whole("syn-mt", f"mt-{split}-{place:03d}", "video", split, levels[place % len(levels)])
            result.append(replace(plan, has_units=given[place] == 0, has_expression=given[place] == 1))
    return result


def _given(count: int, shares: tuple[float, float]) -> list[int]:
    """Return 0 (action units), 1 (expression) or 2 (neither) for each video: at every place the kind that lags most."""
    goal, seen, result = np.array([*shares, 1 - sum(shares)]), np.zeros(3), []
    for place in range(count):
        kind = int(np.argmax(goal * (place + 1) - seen))
        seen[kind] += 1
        result.append(kind)
    return result


def _syn_swap(difficulty: Difficulty, scale: float) -> list[Plan]:
    level = difficulty.set("syn-swap").levels[0]
    shown = _SHOWN_FIRST[: difficulty.sizes.swap_expressions]
    return [
        _whole("syn-swap", f"id-further-{number:03d}", f"still-{expression}", "further-test", level, expression)
        for number in range(_scaled(difficulty.sizes.swap_subjects, scale))
        for expression in shown
    ]


def _conference(difficulty: Difficulty, scale: float) -> list[Plan]:
    """Return the recordings: every planted share once at the first level, then at the next."""
    settings, levels, result = difficulty.conference, difficulty.set("conference").levels, []
    for number in range(_scaled(settings.recordings, scale, 2)):
        round_, turn = divmod(number, len(settings.shares))
        plan = _whole("conference", "speaker", f"conference-{number:02d}", "test", levels[round_ % len(levels)])
        result.append(replace(plan, number=number, share=settings.shares[turn]))
    return result


def _syn_acts(difficulty: Difficulty, scale: float) -> list[Plan]:
    levels, result = difficulty.set("syn-acts").levels, []
    for split, count in ACT_SUBJECTS.items():
        training, evaluation = (ACT_FRAMES, 0) if split == "train" else (0, ACT_FRAMES)
        for place in range(_scaled(count, scale) * ACT_CLIPS):
            number, turn = divmod(place, ACT_CLIPS)
            subject, level = f"act-{split}-{number:03d}", levels[turn % len(levels)]
            plan = Plan("syn-acts", subject, f"clip-{turn:02d}", split, level, NEUTRAL, training=training)
            result.append(replace(plan, evaluation=evaluation, around=False, has_expression=False))
    return result


def _widely_cut(script: Script) -> Script:
    """Return a script in which the face is cut out with `WARD_CUT` around it, for the detector's sake."""
    return replace(script, box_jitter=script.box_jitter + np.array([0.0, 0.0, math.log(WARD_CUT)]))


def _syn_ward(difficulty: Difficulty, scale: float, seed: int) -> list[Plan]:
    level, result = difficulty.set("syn-ward").levels[0], []
    for split, count in WARD_SUBJECTS.items():
        training, evaluation = (1, 0) if split == "train" else (0, 1)
        for number in range(_scaled(count, scale)):
            subject = f"ward-{split}-{number:03d}"
            shown = [Plan("syn-ward", subject, "", split, level, expression) for expression in FER2013.labels]
            shown = [replace(plan, training=training, evaluation=evaluation) for plan in shown]
            result += _named(shown, seed)
    return result
