from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from fake import separator

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.labels import FER2013
from kaoiro.evaluation import renders, swapping
from kaoiro.evaluation.measured import Measured, ratio
from kaoiro.evaluation.renders import SwapConfig
from kaoiro.evaluation.swapping import ERRORS, FADED, JUMP, MONOTONE, OWN, SOURCE, STRAIGHT, SWAP, UPPER

QUICK = SwapConfig(sources=2)


@pytest.fixture(scope="module")
def faces():
    return separator.swap_faces()


def measured_of(exchange, faces, **more) -> Measured:
    return swapping.swapping(exchange, faces, separator.Judge(), QUICK, **more)


def test_faces_are_arranged_by_person_and_expression(faces):
    order = np.random.default_rng(0).permutation(len(faces))
    data = renders.renders(faces.rows(order))
    assert data.pixels.shape == (6, 7, 32, 32, 3)
    cells = separator.read(data.flat(data.pixels)).reshape(6, 7, -1)
    assert cells[:, 0, :3] == pytest.approx(separator.people(6))
    happy = data.expressions.tolist().index(FER2013.index("happiness"))
    assert (data.units[:, happy] == separator.units_of("happiness")).all()


def test_every_person_gets_every_expression_from_other_people():
    chosen = renders.plan(40, 7, SwapConfig(sources=3))
    assert len(chosen) == 40 * 7 * 3
    assert (chosen.identity != chosen.source).all() and (chosen.own != chosen.wanted).all()
    triples = set(zip(chosen.identity, chosen.source, chosen.wanted, strict=True))
    assert len(triples) == len(chosen)
    assert len(renders.plan(3, 7, SwapConfig(sources=9))) == 3 * 7 * 2


def test_a_perfect_separator_swaps_without_error(faces):
    found = measured_of(separator.Perfect(), faces)
    assert found.figure(f"landmark error, {SWAP}") == found.figure(f"unit error, {SWAP}") == 0
    assert found.figure(f"PSNR, {SWAP}") == pytest.approx(58.92, abs=0.01)
    assert found.figure(f"SSIM, {SWAP}") == pytest.approx(1)
    assert found.figure("identity kept") == found.figure("identity found") == 1
    assert found.figure(f"sharpness, {SWAP}") == pytest.approx(1)
    assert found.figure(f"wrinkles, {SWAP}") == pytest.approx(1)
    assert {round(value, 6) for row in found.tables["wrinkles"].values() for value in row.values()} == {1}
    assert found.figure(MONOTONE) == 1
    assert found.figure(STRAIGHT) == pytest.approx(1, abs=1e-3)
    assert found.figure(JUMP) == pytest.approx(0.1, abs=0.01)
    assert found.figure(f"{MONOTONE}, {FADED}") == 1  # also of a mixture of two people: no proof by itself
    assert [row["share"] for row in found.tables["what codes do"].values()] == pytest.approx([1, 1])


def test_errors_of_copies_by_hand(faces):
    found = measured_of(separator.Perfect(), faces)
    chosen, units = renders.plan(6, 7, QUICK), np.stack([separator.units_of(name) for name in FER2013.labels])
    own = np.abs(units[chosen.own] - units[chosen.wanted]).mean(axis=1)
    assert found.figure(f"unit error, {OWN}") == pytest.approx(own.mean())
    assert found.figure(f"unit error, {SOURCE}") == 0
    persons = separator.people(6)
    at = np.arange(68)
    across = 0.2 * np.abs(persons[chosen.source] - persons[chosen.identity])[:, at % 3].mean(axis=1)
    eyes = np.hypot(1, 0.1 * (units[:, 45 % 8] - units[:, 36 % 8]))[chosen.wanted]
    assert found.figure(f"landmark error, {SOURCE}") == pytest.approx((across / eyes).mean(), rel=1e-3)
    down = 0.1 * np.abs(units[chosen.own] - units[chosen.wanted])[:, at % 8].mean(axis=1)
    assert found.figure(f"landmark error, {OWN}") == pytest.approx((down / eyes).mean(), rel=1e-3)


def test_one_who_leaves_the_own_picture_fails(faces):
    found = measured_of(separator.Copying(), faces)
    for measure in ERRORS:
        assert found.figure(f"{measure}, {SWAP}") == pytest.approx(found.figure(f"{measure}, {OWN}"))
    assert ratio([found], f"landmark error, {SWAP}", f"landmark error, {OWN}") == pytest.approx((1, 1, 1))
    assert found.figure("identity kept") == 1
    assert found.figure(f"landmark error, {UPPER}") == 0
    assert found.figure(MONOTONE) == 0 and found.figure(STRAIGHT) == 0 and found.figure(JUMP) == 1
    assert found.tables["what codes do"]["another expression code"]["share"] == 0


def test_one_who_pastes_the_source_fails(faces):
    for exchange in (separator.Leaky(), separator.OneCode()):
        found = measured_of(exchange, faces)
        assert found.figure("identity kept") == 0
        assert found.figure(f"landmark error, {SWAP}") == pytest.approx(
            found.figure(f"landmark error, {SOURCE}"), rel=1e-2
        )
        assert found.tables["what codes do"]["another identity code"]["share"] == pytest.approx(0, abs=1e-2)


def test_one_face_for_all_fails(faces):
    found = measured_of(separator.Collapsed(), faces)
    assert found.figure(f"unit error, {SWAP}") == pytest.approx(0.5, abs=0.01)
    assert found.figure("identity found") <= 0.5
    assert found.figure(MONOTONE) == 0
    assert found.figure(f"wrinkles, {SWAP}") == 0
    assert [row["share"] for row in found.tables["what codes do"].values()] == [0, 0]


def test_distances_of_sets_of_pictures_are_told_where_features_are_given(faces):
    found = measured_of(separator.Perfect(), faces, features=separator.read)
    row = found.tables["distance between sets of pictures"]
    assert row[SWAP]["Fréchet distance"] == pytest.approx(0, abs=1e-6)
    assert "distance between sets of pictures" not in measured_of(separator.Perfect(), faces).tables


def test_courses_by_hand():
    straight, curved = np.linspace(0, 1, 11), np.linspace(0, 1, 11) ** 3
    back = np.array([0, 0.1, 0.2, 0.1, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    waver = straight + np.array([0, 0.11] * 5 + [0])
    lines = np.stack([straight, curved, back, waver, np.zeros(11), 0.05 * straight, 1 - straight])
    found = swapping.course_figures(lines)
    assert found[MONOTONE].tolist() == [True, True, False, True, False, False, False]
    assert found[STRAIGHT][0] == pytest.approx(1) and found[STRAIGHT][4] == 0
    assert found[STRAIGHT][1] == pytest.approx(np.corrcoef(straight, curved)[0, 1] ** 2)
    assert found[JUMP][0] == pytest.approx(0.1) and found[JUMP][1] == pytest.approx(1 - 0.9**3)
    assert found[JUMP][2] == pytest.approx(0.3) and found[JUMP][4] == 1


def test_the_way_between_two_expressions_begins_and_ends_with_them(faces):
    exchange = separator.Perfect()
    codes = exchange.encode(faces.pixels)
    path = swapping.between(exchange, codes.rows(np.array([6, 13])), codes.rows(np.array([3, 12])), 5)
    assert path.shape == (2, 5, 32, 32, 3)
    assert (path[:, 0] == faces.pixels[[6, 13]]).all() and (path[0, -1] == faces.pixels[3]).all()
    assert separator.read(path[0])[2, 3:] == pytest.approx(separator.units_of("happiness") / 2, abs=0.01)


def test_unfit_faces_judges_and_settings_are_refused(faces):
    with pytest.raises(DataError, match="every person with every expression once"):
        renders.renders(faces.rows(np.arange(1, len(faces))))
    with pytest.raises(DataError, match="every person with every expression once"):
        renders.renders(faces.rows(np.arange(len(faces) + 1) % len(faces)))
    with pytest.raises(DataError, match="two people"):
        renders.renders(faces.rows(np.arange(7)))
    with pytest.raises(DataError, match="syn-swap"):
        renders.renders(dataclasses.replace(faces, targets={}))

    class Short(separator.Judge):
        def units(self, pixels):
            return np.zeros((len(pixels), 3))

    with pytest.raises(InputError, match="the judge answers"):
        swapping.swapping(separator.Perfect(), faces, Short(), QUICK)
    resting = dataclasses.replace(faces, targets={**faces.targets, "units": 0 * faces.targets["units"]})
    with pytest.raises(DataError, match="no action unit"):
        measured_of(separator.Perfect(), resting)
    with pytest.raises(InputError, match="steps must be 3"):
        SwapConfig(steps=2)
    with pytest.raises(InputError, match="tolerance"):
        SwapConfig(tolerance=-1)
