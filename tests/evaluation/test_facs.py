from __future__ import annotations

from dataclasses import replace

import pytest
from fake.ict_face import write_assets

from kaoiro.core.labels import ACTION_UNITS
from kaoiro.evaluation import facs
from kaoiro.synthesis import assets


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    folder = tmp_path_factory.mktemp("assets")
    write_assets(folder)
    return assets.load(folder)


def test_every_unit_has_an_expectation_of_known_regions():
    assert set(facs.EXPECTED) == {int(name[3:]) for name in ACTION_UNITS.labels}
    for expected in facs.EXPECTED.values():
        assert set(expected.moves) | set(expected.may) <= set(facs.REGIONS)
        assert expected.moves


def test_displacements_are_millimetres_out_and_up(head):
    index = head.expression_names.index("jawOpen")
    shape = head.expression.copy()
    shape[index] = 0
    shape[index, head.landmarks[[7, 8, 9]]] = (0.0, -1.0, 0.0)  # cm
    moved = facs.displacements(replace(head, expression=shape), 26)
    assert moved["chin"] == pytest.approx((0.0, -4.5), abs=1e-4)  # AU 26 opens the jaw by 0.45 of the shape
    assert moved["inner brow"] == pytest.approx((0, 0))


def test_a_shape_that_does_not_move_what_it_must_is_named(head):
    broken = replace(head, expression=head.expression * 0)
    found = facs.check(broken)["contradictions"]
    assert any(line.startswith("au_12: mouth corner moves 0.0 mm") for line in found)
    assert len(found) >= len(ACTION_UNITS)


def test_a_shape_that_moves_what_it_must_not_is_named(head):
    shape = head.expression.copy()
    for side in "LR":
        shape[head.expression_names.index(f"mouthSmile_{side}"), head.landmarks[[21, 22]]] += (0, 1.0, 0)
    found = facs.check(replace(head, expression=shape))
    assert any("au_12: inner brow moves" in line for line in found["contradictions"])
    assert found["out and up, mm"]["au_12"]["largest stray"] > 5


@pytest.mark.data
def test_the_real_head_contradicts_facs_nowhere():
    import os

    if "KAOIRO_ICT_FACE" not in os.environ:
        pytest.skip("name the folder of the ICT-FaceKit assets in KAOIRO_ICT_FACE")
    assert facs.check(assets.load())["contradictions"] == []
