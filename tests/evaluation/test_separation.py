from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from fake import separator

from kaoiro.core.codes import EXPRESSION_CODE, IDENTITY, Codes, deviations
from kaoiro.core.errors import InputError
from kaoiro.core.labels import EXPRESSION
from kaoiro.evaluation import separation as measure
from kaoiro.evaluation.measured import Measured
from kaoiro.evaluation.separation import CLUSTERING, LAYERED, LEAKAGE, NEIGHBOURS, WITH_NEUTRAL, SeparationConfig
from kaoiro.metrics import probes

QUICK = SeparationConfig(runs=10, sizes=(6, 9), turns=1, hidden=0)


@pytest.fixture(scope="module")
def faces():
    return separator.faces()


def measured_of(exchange, faces, config=QUICK) -> Measured:
    return measure.separation(measure.encoded(exchange, faces.pixels), faces, config)


def test_a_perfect_separator_reaches_the_right_figures(faces):
    found = measured_of(separator.Perfect(), faces)
    chance = found.tables["chance"]["chance"]
    assert found.figure(CLUSTERING) > 0.9
    assert found.figure(NEIGHBOURS) == 1
    assert found.figure(f"{EXPRESSION} from {EXPRESSION_CODE}") == 1
    assert found.figure(f"{IDENTITY} from {IDENTITY}") > 0.9
    assert found.figure(LEAKAGE) < 3 * chance[IDENTITY]
    assert found.figure(f"{EXPRESSION} from {IDENTITY}") < 0.25
    assert chance[IDENTITY] == pytest.approx(1 / 12)
    assert chance[EXPRESSION] == pytest.approx(1 / 7)
    assert chance[CLUSTERING] == pytest.approx(1 / 6)
    codes = found.tables["codes"]
    assert codes[EXPRESSION_CODE]["between expressions"] > 0.9
    assert codes[EXPRESSION_CODE]["between people"] == pytest.approx(0, abs=0.03)
    assert codes[IDENTITY]["between people"] == pytest.approx(1)
    assert codes[EXPRESSION_CODE]["width"] == codes[EXPRESSION_CODE]["active units"] == 8
    assert found.tables["action units"][EXPRESSION_CODE]["mean"] > 0.98
    assert found.tables["action units"][IDENTITY]["mean"] < 0.02
    assert measure.collapsed(found) == ()


def test_leaked_identity_is_caught(faces):
    found = measured_of(separator.Leaky(), faces)
    assert found.figure(LEAKAGE) > 0.9
    row = found.tables["codes"][EXPRESSION_CODE]
    assert row["between people"] > 0.5 and row["people / expressions"] > 1
    assert found.figure(CLUSTERING) < measured_of(separator.Perfect(), faces).figure(CLUSTERING)


def test_codes_that_say_nothing_are_caught(faces):
    found = measured_of(separator.Collapsed(), faces)
    assert measure.collapsed(found) == (EXPRESSION_CODE, IDENTITY)
    row = found.tables["clustering"]["six expressions, k = 9"]
    assert row["nearest image"] == pytest.approx(row["chance"], abs=0.06)
    assert found.figure(f"{EXPRESSION} from {EXPRESSION_CODE}") < 0.3
    assert found.tables["action units"][EXPRESSION_CODE]["mean"] < 0.05


def test_one_code_without_the_mean_of_its_person_finds_expressions(faces):
    whole = measure.encoded(separator.Leaky(), faces.pixels)
    bare = Codes(whole.identity[:, :0], whole.expression)
    less = Codes(bare.identity, deviations(bare.expression, faces.subjects))
    before, after = (measure.separation(codes, faces, QUICK) for codes in (bare, less))
    assert after.figure(CLUSTERING) > before.figure(CLUSTERING) + 0.2
    assert after.figure(LEAKAGE) < 3 / 12 < before.figure(LEAKAGE)
    assert IDENTITY not in before.tables["codes"]
    assert f"{IDENTITY} from {IDENTITY}" not in before.sums


def test_figures_of_clusters_with_and_without_neutral(faces):
    found = measured_of(separator.Perfect(), faces)
    rows = found.tables["clustering"]
    assert list(rows) == [f"{kind}, k = {k}" for kind in ("six expressions", "with neutral") for k in (6, 9)]
    assert rows["six expressions, k = 9"]["nearest image"] == pytest.approx(found.figure(CLUSTERING))
    assert rows["with neutral, k = 9"]["nearest image"] == pytest.approx(found.figure(WITH_NEUTRAL))
    assert all(row["majority"] >= max(row["nearest image"], row["Hungarian"]) - 1e-9 for row in rows.values())
    assert found.sums[CLUSTERING][:, 1].tolist() == [12] * 12
    assert found.sums[WITH_NEUTRAL][:, 1].tolist() == [14] * 12


def test_a_hidden_layer_is_asked_too(faces, monkeypatch):
    monkeypatch.setattr(probes, "_STEPS", 250)
    monkeypatch.setattr(probes, "_PASSES", 1)
    config = dataclasses.replace(QUICK, hidden=16, runs=1, sizes=(), folds=3)
    few = faces.rows(np.flatnonzero(faces.subjects < "id-004"))
    found = measured_of(separator.Leaky(), few, config)
    assert found.figure(LEAKAGE + LAYERED) > 0.9


def test_leakage_of_more_faces(faces):
    codes = measure.encoded(separator.Leaky(), faces.pixels)
    found = measure.leakage(codes, faces.subjects, faces.clips, QUICK)
    assert found.figure(LEAKAGE) > 0.9
    assert found.tables["chance"]["chance"] == {IDENTITY: pytest.approx(1 / 12)}
    with pytest.raises(InputError, match="168 codes, 168 subjects and 3 clips"):
        measure.leakage(codes, faces.subjects, faces.clips[:3], QUICK)


def test_the_same_seed_gives_the_same_figures(faces):
    few = faces.rows(np.flatnonzero(faces.subjects < "id-006"))
    first, again = (measured_of(separator.Leaky(), few).stored() for _ in range(2))
    assert first == again


def test_faces_without_expression_are_left_out(faces):
    labels = faces.labels[EXPRESSION].copy()
    labels[::3] = -1
    found = measured_of(separator.Perfect(), dataclasses.replace(faces, labels={EXPRESSION: labels}))
    assert found.sums[WITH_NEUTRAL][:, 1].sum() == (labels >= 0).sum()


def test_unfit_faces_and_codes_are_refused(faces):
    codes = measure.encoded(separator.Perfect(), faces.pixels)
    with pytest.raises(InputError, match="168 codes for 10 faces"):
        measure.separation(codes, faces.rows(np.arange(10)), QUICK)
    with pytest.raises(InputError, match="person, clip and expression"):
        measure.separation(codes, dataclasses.replace(faces, subjects=None), QUICK)
    unknown = {EXPRESSION: np.full(len(faces), -1)}
    with pytest.raises(InputError, match="two expressions"):
        measure.separation(codes, dataclasses.replace(faces, labels=unknown), QUICK)
    with pytest.raises(InputError, match="5 folds need"):
        few = faces.rows(np.flatnonzero(faces.subjects < "id-003"))
        measure.separation(codes.rows(np.arange(len(few))), few, QUICK)
    with pytest.raises(InputError, match=r"\(N, 32, 32, 3\)"):
        measure.encoded(separator.Perfect(), faces.pixels[:, :16])
    with pytest.raises(InputError, match="folds must be 3"):
        SeparationConfig(folds=2)

    class Broken(separator.Perfect):
        def encode(self, pixels):
            return Codes(np.full((len(pixels), 3), np.nan), np.zeros((len(pixels), 8)))

    with pytest.raises(InputError, match="has not learned"):
        measure.encoded(Broken(), faces.pixels)
