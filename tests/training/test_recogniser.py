from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from kaoiro.core.errors import InputError
from kaoiro.core.faces import Faces
from kaoiro.core.labels import EXPRESSION, FER2013
from kaoiro.data.datasets.drawn_people import people as drawn_people
from kaoiro.data.subjects import People
from kaoiro.evaluation import claims, exchange_report, measured
from kaoiro.evaluation import recogniser_tables as tables
from kaoiro.evaluation.recogniser_tables import ARMS, FROZEN, PIXELS, TUNED
from kaoiro.families.identity_expression.config import NetworkConfig
from kaoiro.families.identity_expression.network import Network
from kaoiro.metrics.accuracy import accuracy, confusion, macro_f1, macro_recall
from kaoiro.training import recogniser as recognisers
from kaoiro.training.latents import Learned
from kaoiro.training.recogniser import RecogniserConfig, Recognisers, Trial, recogniser, trials
from kaoiro.training.recogniser_labels import alike, batches, drawn, labelled

NETWORK = NetworkConfig(side=16, width=8, identity=4, expression=8)
QUICK = RecogniserConfig(steps=3, batch=8, fractions=(0.1, 1.0), rates=(3e-3, 1e-3), seeds=2)
FEW = RecogniserConfig(steps=90, batch=16, fractions=(0.02,), rates=(3e-3, 1e-3), seeds=2)
CLASSES = len(FER2013)


def fresh(seed: int = 0, **settings) -> Network:
    torch.manual_seed(seed)
    return Network(replace(NETWORK, **settings), subjects=3)


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def shuffled(faces: Faces, seed: int = 0) -> Faces:
    rng = np.random.default_rng(seed)
    return replace(faces, labels={EXPRESSION: rng.permutation(faces.labels[EXPRESSION])})


@pytest.fixture(scope="module")
def people() -> People:
    """Twelve people to learn from and twenty others, 14 pictures each."""
    faces = drawn_people(32, 14, 0, 16)
    first = np.asarray(faces.subjects) < "person-012"
    learned, others = faces.rows(first), faces.rows(~first)
    return People(learned, learned, others, "drawings", "", ())


@pytest.fixture(scope="module")
def knowing() -> Network:
    """A network whose encoder learned the expressions of people whom nobody else sees."""
    faces = drawn_people(24, 14, 5, 16)
    faces = replace(faces, subjects=np.char.add("other-", np.asarray(faces.subjects, str)))
    some = np.asarray(faces.subjects) < "other-person-022"
    config, trial = RecogniserConfig(steps=700, batch=32, warmup=0.2), Trial(TUNED, 1.0)
    split = People(faces.rows(some), faces, faces.rows(~some), "", "", ())
    found = Recognisers(fresh(), split, config).fit(trial, 5e-3).network
    network = fresh()
    own, kept = network.expression.state_dict(), found.state_dict()
    network.expression.load_state_dict({name: kept.get(name, value) for name, value in own.items()})
    return network


# Labels


def test_every_expression_gives_its_share_and_at_least_one_label(people: People) -> None:
    faces = labelled(people.training, 16, "training")
    uneven = faces.rows(np.flatnonzero((faces.labels[EXPRESSION] != 2) | (np.arange(len(faces)) < 40)))
    truth = uneven.labels[EXPRESSION]
    found = drawn(uneven, 0.25, 0.25, 0)
    kept = np.isin(uneven.subjects, np.unique(np.asarray(uneven.subjects)[found.choosing]))
    assert len(np.unique(np.asarray(uneven.subjects)[found.choosing])) <= 3
    for rows, part in ((found.learning, ~kept), (found.choosing, kept)):
        there = np.bincount(truth[part], minlength=CLASSES)
        wanted = np.where(there > 0, np.maximum(1, np.round(0.25 * there)), 0)
        assert np.bincount(truth[rows], minlength=CLASSES).tolist() == wanted.tolist()
    assert np.bincount(truth[drawn(uneven, 1e-6, 0.25, 0).learning], minlength=CLASSES).tolist() == [1] * CLASSES


def test_smaller_shares_lie_within_larger_ones_and_nobody_is_in_both_parts(people: People) -> None:
    names = np.asarray(people.training.subjects)
    few, more, whole = (drawn(people.training, fraction, 0.2, 3) for fraction in (0.1, 0.5, 1.0))
    for part in range(2):
        assert set(few[part]) < set(more[part]) < set(whole[part])
    assert not set(names[whole.learning]) & set(names[whole.choosing])
    assert len(whole.learning) + len(whole.choosing) == len(people.training)
    assert len(np.unique(names[whole.choosing])) == 2  # of twelve
    other = drawn(people.training, 0.5, 0.2, 4)
    assert set(other.learning) != set(more.learning)


def test_rare_expressions_are_seen_as_often_as_others() -> None:
    truth, rows = np.array([0, 0, 0, 0, 1, 6, 6, 5]), np.arange(7)
    found = alike(truth, rows)
    assert np.bincount(truth[found]).tolist() == [4, 4, 0, 0, 0, 0, 4]
    assert set(found) == set(rows)
    order = batches(found, 9, 4, 0)
    assert order.shape == (9, 4)
    assert all(sorted(order[k : k + 3].ravel()) == sorted(found) for k in (0, 3, 6))
    assert not np.array_equal(order[:3], order[3:6])
    assert batches(rows[:2], 2, 5, 0).shape == (2, 5)


def test_all_arms_learn_from_the_same_labels_in_the_same_order(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, seen = Recognisers(fresh(), people, QUICK), []
    plain, read = Recognisers._loss, recognisers.logistic

    def noted(self: Recognisers, network: torch.nn.Module, rows: np.ndarray, draws: torch.Generator) -> torch.Tensor:
        seen.append((rows.tolist(), draws.get_state().tolist()))
        return plain(self, network, rows, draws)

    def counted(x: np.ndarray, y: np.ndarray, classes: int, ridge: float):
        seen.append(np.bincount(y).tolist())
        return read(x, y, classes, ridge)

    monkeypatch.setattr(Recognisers, "_loss", noted)
    monkeypatch.setattr(recognisers, "logistic", counted)
    found = []
    for arm in ARMS:
        seen.clear()
        asked.answered(Trial(arm, 0.5))
        found.append(list(seen))
    frozen, tuned, pixels = found
    assert tuned == pixels
    assert len(tuned) == QUICK.steps * len(QUICK.rates)
    labels = asked.labels(Trial(TUNED, 0.5))
    assert {row for rows, _ in tuned for row in rows} <= set(labels.learning)
    most = np.bincount(asked.training.labels[EXPRESSION][labels.learning]).max()
    assert frozen == [[most] * CLASSES] * 5
    assert not {tuple(asked.labels(Trial(arm, 0.5)).learning) for arm in ARMS} - {tuple(labels.learning)}


# What each arm begins from, and leaves alone


def test_the_encoder_of_the_network_stays_as_it_is(people: People) -> None:
    network = fresh()
    network.requires_grad_(False)  # as stages of training leave it
    before = weights(network)
    recogniser(network, people, replace(QUICK, seeds=1, fractions=(0.1,)))
    after = weights(network)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_tuned_begins_from_the_encoder_and_pixels_from_random_weights(people: People) -> None:
    network = fresh(7)
    asked = Recognisers(network, people, QUICK)
    own = network.expression.state_dict()
    tuned, pixels, again, other = (
        asked.begun(trial).state_dict()
        for trial in (Trial(TUNED, 0.1), Trial(PIXELS, 0.1), Trial(PIXELS, 1.0), Trial(PIXELS, 0.1, seed=1))
    )
    layers = [name for name in tuned if not name.startswith("head")]
    assert {name for name in own if not name.startswith("logvar")} == set(layers)
    assert all(torch.equal(tuned[name], own[name]) for name in layers)
    convolutions = [name for name in layers if name.endswith("weight")]
    assert not any(torch.equal(pixels[name], own[name]) for name in convolutions)
    assert all(torch.equal(pixels[name], again[name]) for name in layers)
    assert not any(torch.equal(pixels[name], other[name]) for name in convolutions)
    assert {name: value.shape for name, value in pixels.items()} == {name: value.shape for name, value in tuned.items()}
    assert all(torch.equal(pixels[name], tuned[name]) for name in ("head.weight", "head.bias"))
    first = pixels["trunk.1.weight"]
    assert float(first.std()) == pytest.approx((2 / (3 * 9)) ** 0.5, rel=0.15)  # He et al.


@torch.no_grad()
def test_all_see_the_same_pictures_standardised_once(people: People) -> None:
    asked, given = Recognisers(fresh(), people, QUICK), torch.rand(4, 3, 16, 16)
    for arm in (TUNED, PIXELS):
        network, seen = asked.begun(Trial(arm, 0.5)), []
        (first, *_) = (layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d))
        first.register_forward_pre_hook(lambda _, inputs, into=seen: into.append(inputs[0].clone()))
        network(given)
        torch.testing.assert_close(seen, [4 * given - 2])


def test_all_weights_are_trained(people: People) -> None:
    asked = Recognisers(fresh(), people, QUICK)
    for arm in (TUNED, PIXELS):
        before, after = asked.begun(Trial(arm, 1.0)), asked.fit(Trial(arm, 1.0), 1e-3)
        assert np.isfinite(after.loss)
        pairs = zip(before.named_parameters(), after.network.parameters(), strict=True)
        assert not [name for (name, old), new in pairs if torch.equal(old, new)]


# What is measured


def test_labels_and_company_of_tested_people_change_no_answer(people: People) -> None:
    order = np.random.default_rng(1).permutation(len(people.unseen))
    elsewhere = replace(people, unseen=people.unseen.rows(order))
    unlike = replace(people, unseen=shuffled(people.unseen))
    for arm in ARMS:
        found, blind, moved = (
            Recognisers(fresh(), one, QUICK).answered(Trial(arm, 0.5)) for one in (people, unlike, elsewhere)
        )
        assert np.array_equal(found.classes, blind.classes)
        assert (found.chosen, found.loss) == (blind.chosen, blind.loss) == (moved.chosen, moved.loss)
        assert np.array_equal(found.classes[order], moved.classes)


def test_the_same_seed_gives_the_same_figures_and_another_seed_others(people: People) -> None:
    state = torch.get_rng_state()
    first, again = (recogniser(fresh(), people, replace(QUICK, fractions=(0.5,))) for _ in range(2))
    torch.manual_seed(0)
    assert list(first) == ["frozen, 50 %", "tuned, 50 %", "pixels, 50 %"]
    for name, seeds in first.items():
        assert [one.stored() for one in seeds] == [one.stored() for one in again[name]]
        assert len(seeds) == 2
    assert first["frozen, 50 %"][0].stored() != first["frozen, 50 %"][1].stored()
    torch.set_rng_state(state)


def test_drawing_weights_leaves_other_random_numbers_alone(people: People) -> None:
    asked = Recognisers(fresh(), people, QUICK)
    torch.manual_seed(11)
    wanted = torch.rand(3)
    torch.manual_seed(11)
    asked.fit(Trial(PIXELS, 0.1), 1e-3)
    assert torch.equal(torch.rand(3), wanted)


def test_an_encoder_that_knows_expressions_beats_pixels_where_labels_are_few(
    knowing: Network, people: People, tmp_path
) -> None:
    found = recogniser(Learned(knowing), people, FEW)
    pixels = found["pixels, 2 %"]
    for arm in (FROZEN, TUNED):
        gap = measured.difference(found[f"{arm}, 2 %"], pixels, "accuracy")
        assert gap is not None and gap[0] > 0.2 and gap[1] > 0.05
        assert gap[0] == pytest.approx(
            np.mean([one.figure("accuracy") for one in found[f"{arm}, 2 %"]])
            - np.mean([one.figure("accuracy") for one in pixels])
        )
    told = found["tuned, 2 %"][0].tables
    assert told["labels"]["2 %"] == {
        "to learn from": 7,
        "to choose by": 7,
        "tested": 280,
        "always the most frequent": pytest.approx(1 / 7),
    }
    assert sum(value for name, value in told["chosen"]["tuned, 2 %"].items() if name.startswith("rate")) == 1

    figures = tables.figures({"iterated": found})
    exchange_report.write(tmp_path, tables.SECTION, figures)
    page = (tmp_path / "system-b.md").read_text(encoding="utf-8")
    assert "| iterated: tuned - pixels, 2 % |" in page and "| iterated: pixels, 2 % |" in page
    assert figures["claims"]["tuned - pixels, 2 %, iterated"]["verdict"] == "holds"


def test_an_encoder_that_knows_nothing_has_no_such_lead(people: People) -> None:
    found = recogniser(fresh(), people, replace(FEW, steps=20), arms=(TUNED, PIXELS))
    gap = measured.difference(found["tuned, 2 %"], found["pixels, 2 %"], "accuracy")
    assert gap is not None and gap[0] < 0.2


def test_answers_are_summed_up_as_scikit_learn_does() -> None:
    from sklearn.metrics import f1_score, recall_score

    rng = np.random.default_rng(0)
    truth, answers = rng.integers(0, 7, 300), rng.integers(0, 7, 300)
    answers[::2], names = truth[::2], np.array([f"p{k % 10}" for k in range(300)])
    found = tables.summed(truth, answers, names)
    counts = confusion(truth, answers, CLASSES)
    assert float(found.figure("accuracy")) == pytest.approx(accuracy(counts))
    assert float(found.figure("recall")) == pytest.approx(recall_score(truth, answers, average="macro"))
    assert float(found.figure("F1")) == pytest.approx(f1_score(truth, answers, average="macro"))
    low = np.flatnonzero(names < "p5")
    counts, some = confusion(truth[low], answers[low], CLASSES), found.of([f"p{k}" for k in range(5)])
    assert float(some.figure("recall")) == pytest.approx(macro_recall(counts))
    assert float(some.figure("F1")) == pytest.approx(float(macro_f1(counts)))
    drawn_twice = found.figure("F1", np.eye(10)[[3, 3, 4]] + np.eye(10)[[3, 3, 5]])
    assert drawn_twice.shape == (3,) and drawn_twice[0] == drawn_twice[1]
    level = measured.level([found], "recall")
    assert level is not None and level[1] < level[0] < level[2]


def test_expressions_that_nobody_shows_or_answers_do_not_count() -> None:
    found = tables.summed(np.array([0, 0, 3]), np.array([0, 3, 3]), np.array(["a", "b", "b"]))
    assert float(found.figure("recall")) == pytest.approx(0.75)
    assert float(found.figure("F1")) == pytest.approx(2 / 3)
    assert tables.figures({"vae": {"frozen, 1 %": [found]}})["recall by expression"]["vae: frozen, 1 %"] == {
        label: {"anger": 0.5, "happiness": 1.0}.get(label) for label in FER2013.labels
    }


def test_a_comparison_is_all_of_its_trials(people: People) -> None:
    wanted = trials(QUICK)
    assert len(set(wanted)) == len(wanted) == 2 * 2 * 3
    assert [one.row for one in wanted[:4]] == ["frozen, 10 %", "tuned, 10 %", "pixels, 10 %", "frozen, 100 %"]
    few = replace(QUICK, fractions=(0.1,))
    whole, asked = recogniser(fresh(), people, few, arms=(PIXELS,)), Recognisers(fresh(), people, few)
    apart = [asked.measured(trial).stored() for trial in trials(few, (PIXELS,))]
    assert [one.stored() for one in whole["pixels, 10 %"]] == apart


# Tables


def outcome(shift: int, right: float, arm: str = "tuned") -> tables.Recognised:
    rng = np.random.default_rng(3)
    truth, names = np.tile(np.arange(7), 20), np.repeat([f"p{k + shift:02d}" for k in range(20)], 7)
    answers = np.where(rng.random(140) < right, truth, (truth + 1) % 7)
    return tables.summed(truth, answers, names, {"chosen": {f"{arm}, 1 %": {"rate 0.001": 1.0}}})


def test_folds_are_put_together_seed_by_seed() -> None:
    folds = [{"tuned, 1 %": [outcome(shift, 0.9), outcome(shift, 0.7)]} for shift in (0, 20)]
    stored = [
        {name: [measured.restored(one.stored()) for one in seeds] for name, seeds in fold.items()} for fold in folds
    ]
    (seeds,) = tables.merged(stored).values()
    assert [len(one.people) for one in seeds] == [40, 40]
    assert float(seeds[0].figure("recall")) == pytest.approx(float(outcome(0, 0.9).figure("recall")))
    assert float(seeds[0].figure("F1")) > float(seeds[1].figure("F1"))


def test_claims_are_judged_by_the_paired_difference() -> None:
    good = {"pixels, 1 %": [outcome(0, 0.4, "pixels")], "tuned, 1 %": [outcome(0, 0.8)]}
    bad = {"pixels, 100 %": [outcome(0, 0.9, "pixels")], "tuned, 100 %": [outcome(0, 0.9)]}
    figures = tables.figures({"iterated": good | bad, "improved": {"tuned, 1 %": [outcome(0, 0.8)]}})
    rows = figures["claims"]
    assert rows["tuned - pixels, 1 %, iterated"]["verdict"] == "holds"
    assert rows["tuned - pixels, 1 %, iterated"]["found"] > 0.25
    assert rows["tuned - pixels, 100 %, iterated"]["wished"].endswith("(may tie)")
    assert rows["tuned - pixels, 100 %, iterated"]["verdict"] == "holds"
    assert rows["tuned - pixels, 1 %, improved"]["verdict"] == "not measured yet"
    assert figures["recognisers"]["iterated: tuned, 1 %"]["seeds"] == 1
    assert figures["against pixels"]["improved: tuned - pixels, 1 %"] == dict.fromkeys(tables.MEASURES)


def test_every_claim_has_a_row_before_anything_was_measured(tmp_path) -> None:
    figures = tables.figures({})
    named = {claim.row for claim in claims.load()[0] if claim.table == f"{tables.SECTION}/claims"}
    assert named and named <= set(figures["claims"])
    assert {row["verdict"] for row in figures["claims"].values()} == {"not measured yet"}
    exchange_report.write(tmp_path, tables.SECTION, figures)


# What is refused


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"steps": 0}, "steps must be 1 or more, not 0"),
        ({"batch": 0}, "batch must be 1 or more"),
        ({"seeds": 0}, "seeds must be 1 or more"),
        ({"fractions": ()}, "fractions must be one or several different numbers"),
        ({"fractions": (0.1, 0.1)}, "fractions must be one or several different"),
        ({"fractions": (1.5,)}, "fractions must be above 0 and at most 1, not 1.5"),
        ({"rates": (0.0,)}, "rates must be a positive, finite number"),
        ({"kept": 1.0}, "kept must be above 0 and below 1"),
        ({"decay": -1.0}, "decay must be 0 or a positive"),
        ({"warmup": 1.0}, "warmup must be 0 or more and below 1"),
        ({"augmentation": replace(recognisers.GENTLE, jpeg=0.1)}, "augmentation.jpeg must be 0"),
        ({"augmentation": replace(recognisers.GENTLE, flip=2.0)}, "flip must be between 0 and 1"),
    ],
)
def test_bad_settings_are_refused(settings: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(QUICK, **settings)


def test_unfit_people_and_networks_are_refused(people: People) -> None:
    def refused(said: str, network: Network | Learned | None = None, **parts: Faces) -> None:
        with pytest.raises(InputError, match=said):
            recogniser(network or fresh(), replace(people, **parts), replace(QUICK, seeds=1))

    known, faces = people.unseen, people.training
    unknown = {EXPRESSION: np.full(len(known), -1)}
    refused("unseen people with labels; there are none", unseen=replace(known, labels=unknown))
    refused("unseen faces whose person and expression", unseen=replace(known, subjects=None))
    refused("training faces whose person and expression", training=replace(faces, labels={}))
    refused(r"must be \(N, 32, 32, 3\), not", fresh(side=32))
    refused("person-000 is to be tested and was learned from", unseen=faces)
    refused("person-031 is to be tested and was learned from", Learned(fresh(), ["person-031"]))
    refused("two training people or more", training=faces.rows(np.arange(14)))
    refused("labels of two expressions or more", training=faces.rows(np.flatnonzero(faces.labels[EXPRESSION] == 1)))
    refused("told the subject", fresh(form="cvae"))
    with pytest.raises(InputError, match="arms must be of frozen, tuned, pixels, not other"):
        trials(QUICK, ["other"])


def test_faces_without_a_label_are_left_out(people: People) -> None:
    parts = {}
    for name in ("training", "unseen"):
        faces = getattr(people, name)
        labels = faces.labels[EXPRESSION].copy()
        labels[::4] = -1
        parts[name] = replace(faces, labels={EXPRESSION: labels})
    asked = Recognisers(fresh(), replace(people, **parts), QUICK)
    assert (len(asked.training), len(asked.tested)) == (126, 210)
    assert float(asked.measured(Trial(FROZEN, 1.0)).sums["accuracy"][:, 1].sum()) == 210


def test_a_loss_that_is_no_number_says_so_in_one_line(people: People) -> None:
    wild = replace(QUICK, rates=(1e30,), steps=6, warmup=0.0)
    with pytest.raises(InputError, match=r"^pixels, 100 %, seed 0, step \d: the loss is no number .* smaller rates$"):
        Recognisers(fresh(), people, wild).answered(Trial(PIXELS, 1.0))
    broken = fresh()
    torch.nn.init.constant_(broken.expression.mean.bias, float("nan"))
    with pytest.raises(InputError, match="no finite numbers: it has not learned"):
        Recognisers(broken, people, QUICK).answered(Trial(FROZEN, 1.0))
    with pytest.raises(InputError, match="step 0: the loss is no number"):
        Recognisers(broken, people, QUICK).answered(Trial(TUNED, 1.0))
