from __future__ import annotations

import hashlib
import tomllib
from importlib.resources import files

import pytest

from kaoiro.core.errors import InputError
from kaoiro.synthesis.difficulty import load, parse

TEXT, FURTHER = (
    files("kaoiro.synthesis").joinpath(name).read_text("utf-8") for name in ("difficulty.toml", "further.toml")
)

FLICKER = FURTHER[FURTHER.index("[variants.flicker]") :].split("\n")
FLICKER = "\n".join(FLICKER[:2])


def changed(old: str, new: str) -> str:
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new)


def test_the_packaged_file_is_read_once_and_carries_its_hash() -> None:
    assert load() is load()
    assert load().sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert parse(TEXT + "# changed\n").sha256 != load().sha256


def test_nuisance_grows_from_level_to_level() -> None:
    levels = [load().level(name) for name in ("none", "low", "medium", "high")]
    assert list(load().levels) == ["none", "low", "medium", "high", "flicker", "posed", "ward"]
    for name in ("yaw", "turn_sd", "hand_sd", "exposure_sd", "box_sd", "gaze_sd", "rest_sd", "asymmetry_sd", "noise"):
        values = [getattr(level, name) for level in levels]
        assert values == sorted(values) and len(set(values)) == 4, name
    qualities = [level.jpeg for level in levels]
    assert qualities == sorted(qualities, reverse=True)


def test_the_level_none_does_nothing() -> None:
    none = load().level("none")
    assert none.yaw == none.box_sd == none.rest_sd == none.blinks_per_minute == none.noise[1] == none.blur[1] == 0
    assert none.jpeg == (100, 100) and none.light_strength == (1, 1) and none.cast_probability == 0


def test_sets_have_the_sizes_and_ranges_that_were_specified() -> None:
    sizes = load().sizes
    assert (sizes.id_training, sizes.id_paper, sizes.id_further) == (195, 7, 40)
    assert (sizes.id_frames, sizes.id_apex_training, sizes.id_apex_paper) == (29085, 1842, 195)
    assert load().set("syn-id").intensity == (0.6, 1.0) and load().set("syn-vid").levels == ("low", "medium", "high")
    assert load().conference.shares == (0, 0.001, 0.003, 0.008, 0.02, 0.05)
    assert load().set("conference").levels == ("low", "medium", "high")
    assert load().timing.aim_seconds == 0.2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fps = 25.0", "fsp = 25.0", r"keys of timing \(unknown: fsp; missing: fps\)"),
        ("\n[speech]", "\n[speach]", r"difficulty file \(unknown: speach; missing: speech\)"),
        ("gap = 2.0 ", "", "missing: gap"),
        ("yaw = [0.0, 8.0, 18.0, 30.0]", "", r"keys of levels \(missing: yaw\)"),
        ("yaw = [0.0, 8.0, 18.0, 30.0]", "yaw = [0.0, 8.0]", "levels.yaw must be a list of one value for each"),
        ("yaw = [0.0, 8.0, 18.0, 30.0]", "yaw = [0.0, -8.0, 18.0, 30.0]", "levels.yaw"),
        ("yaw = [0.0, 8.0, 18.0, 30.0]", "yaw = [0.0, nan, 18.0, 30.0]", "levels.yaw"),
        ("[100, 100], [88, 95]", "[100, 100], [95, 88]", "levels.jpeg must be a range"),
        ("[100, 100], [88, 95]", "[100, 101], [88, 95]", "levels.jpeg must be a range"),
        ("[100, 100], [88, 95]", "[100, 100], [0, 95]", "levels.jpeg must be a quality"),
        ("[100, 100], [88, 95]", "[100, 100], [88.5, 95]", "levels.jpeg must be of type int"),
        ("turn_time = [1.5, ", "turn_time = [0.0, ", "levels.turn_time"),
        ("flicker_probability = [0.0, 0.0, 0.3", "flicker_probability = [0.0, 0.0, 1.3", "levels.flicker_probability"),
        ("[0.0, 12.0, 17.0, 25.0]", "[0.0, 12.0, 17.0, 250.0]", "levels.blinks_per_minute"),
        ("aim_seconds = 0.2", "aim_seconds = -0.2", "timing.aim_seconds"),
        ("fps = 25.0", "fps = 0", "timing.fps must be a positive"),
        ("fps = 25.0", "fps = true", "timing.fps must be of type float, not True"),
        ("frames = [60, 150]", "frames = [60]", "timing.frames must be a list of 2"),
        ("onset = [0.08, 0.22]", "onset = [0.08, 0.42]", "the apex is centred"),
        ("apex = [0.20, 0.40]", "apex = [0.10, 0.40]", "to hold apex_reach"),
        ("expression_labels = 0.25", "expression_labels = 0.85", "unit_labels \\+ truth.expression_labels"),
        ("minor = [0.25, 0.45]", "minor = [0.25, 0.65]", "blend.minor"),
        ('levels = ["low"]', 'levels = ["soft"]', "sets.syn-id.levels must be some of none, low"),
        ('levels = ["low"]', "levels = []", "sets.levels"),
        ("intensity = [0.15, 0.4]", "intensity = [0.05, 0.4]", "above truth.visible"),
        ('expression = "anger"', 'expression = "neutral"', "conference.expression"),
        ("seconds = [1.0, 4.0]", "seconds = [1.0, 1.5]", "twice the shortest"),
        ("gap = 2.0", "gap = 0.5", "for the ramps"),
        ("vid_clips = 300", "vid_clips = 0", "sizes.vid_clips"),
        ("syllables = [3.5, 6.0]", "syllables = [0.0, 6.0]", "speech.syllables"),
        ("[timing]", "[timing", "no TOML"),
    ],
)
def test_a_file_that_cannot_be_is_refused_by_the_name_of_its_key(old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(changed(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (FLICKER, FLICKER.replace("low", "soft"), "variants.flicker.like must be one of none, low"),
        (FLICKER, FLICKER + "\nlamps = 3", r"keys of variants.flicker \(unknown: lamps\)"),
        ("flicker_probability = 1.0", "flicker_probability = 1.5", "variants.flicker: levels.flicker_probability"),
        (FLICKER, FLICKER.replace('"low"', '["low"]'), "variants.flicker.like must be one of none, low"),
        ("[variants.flicker]", "[variants.high]", "variants.high: there is a level of this name"),
        ("flicker_hertz = [0.2, 6.0]", "flicker_hertz = [6.0]", "variants.flicker.flicker_hertz must be a list of 2"),
        ('levels = ["flicker"]', 'levels = ["soft"]', "sets.syn-flicker.levels must be some of none, low"),
        ("[sets.syn-flicker]", "[lamps]", r"keys of further file \(unknown: lamps\)"),
        ('levels = ["posed"]', 'levels = ["seated"]', "sets.syn-posed.levels must be some of none, low"),
        ("yaw = 3.0", "yaw = -3.0", "variants.posed: levels.yaw"),
        ("[variants.flicker]", "[variants.flicker", "further file is no TOML"),
    ],
)
def test_a_further_file_that_cannot_be_is_refused(old: str, new: str, message: str) -> None:
    assert FURTHER.count(old) == 1
    with pytest.raises(InputError, match=message):
        parse(TEXT, FURTHER.replace(old, new))


def test_a_variant_is_like_its_level_but_for_what_it_says() -> None:
    low, flicker = load().level("low"), load().level("flicker")
    other = {name for name in vars(low) if getattr(low, name) != getattr(flicker, name)}
    assert other == tomllib.loads(FURTHER)["variants"]["flicker"].keys() - {"like"}
    assert flicker.flicker_probability == 1
    assert flicker.noise == low.noise


def test_a_posed_person_is_filmed_like_at_low_but_hardly_moves() -> None:
    low, posed = load().level("low"), load().level("posed")
    other = {name for name in vars(low) if getattr(low, name) != getattr(posed, name)}
    assert other == tomllib.loads(FURTHER)["variants"]["posed"].keys() - {"like"}
    assert all(getattr(posed, name) < getattr(low, name) for name in other)
    assert (posed.yaw, posed.pitch, posed.roll) == (3, 2, 1.5)
    assert load().set("syn-posed").levels == ("posed",)
    assert load().set("syn-posed").intensity == load().set("syn-id").intensity


def test_a_ward_is_another_place_than_the_levels_but_no_darker_than_high() -> None:
    high, ward = load().level("high"), load().level("ward")
    other = {name for name in vars(high) if getattr(high, name) != getattr(ward, name)}
    assert other == tomllib.loads(FURTHER)["variants"]["ward"].keys() - {"like"}
    assert ward.light_contrast[0] > high.light_contrast[0] and ward.light_strength[0] > high.light_strength[0]
    assert ward.cast_probability == 1 and ward.jpeg[1] < high.jpeg[1]
    assert load().set("syn-ward").levels == ("ward",)


def test_what_came_later_changes_no_hash_of_what_was_there() -> None:
    assert load().digest("syn-vid") == load().sha256 == parse(TEXT).sha256
    assert load().digest("syn-flicker") == hashlib.sha256((TEXT + FURTHER).encode()).hexdigest()
    assert parse(TEXT, FURTHER + "# changed\n").digest("syn-flicker") != load().digest("syn-flicker")
    assert parse(TEXT, FURTHER + "# changed\n").digest("syn-vid") == load().digest("syn-vid")


def test_unknown_levels_and_sets_are_refused_with_the_valid_ones() -> None:
    with pytest.raises(InputError, match="one of none, low, medium, high, flicker, posed, ward, not extreme"):
        load().level("extreme")
    further = "syn-posed, syn-flicker, syn-acts, syn-ward"
    with pytest.raises(InputError, match=f"one of syn-id, syn-vid, syn-mt, syn-swap, conference, {further}, not mug"):
        load().set("mug")
