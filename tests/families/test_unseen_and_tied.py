"""Classes that are left out, and sentences on action units, in `language_contrast`."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from kaoiro.core.errors import InputError
from kaoiro.core.labels import EXPRESSION, FERPLUS, MEASURED_UNITS, UNITS_HEAD
from kaoiro.core.spec import Head, Specification
from kaoiro.families.language_contrast import prompts as said
from kaoiro.families.language_contrast.config import ObjectiveConfig, TextConfig
from kaoiro.families.language_contrast.losses import contrastive, tied
from kaoiro.families.language_contrast.network import Words
from kaoiro.families.language_contrast.objective import Objective
from kaoiro.families.language_contrast.recipe import RECIPES, TINY, tied_to_units
from kaoiro.families.language_contrast.sentences import drawn, longest_of, truths, worded
from kaoiro.nn.tokens import Tokenizer
from kaoiro.training.export import export_graph

CONTEMPT = FERPLUS.index("contempt")
LOGITS = torch.tensor([[2.0, 0.0, 5.0], [0.0, 1.0, 0.0], [1.0, 3.0, 1.0]])
SHARES = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.0], [0.5, 1.0, 0.1]])


def specification() -> Specification:
    head = Head(name=EXPRESSION, activation="softmax", labels=FERPLUS.labels)
    return Specification(size=48, channels=1, mean=(0.5,), std=(0.25,), crop=TINY.crop, heads=(head,))


def objective(unseen: tuple[str, ...] = ("contempt",), **changes: Any) -> Objective:
    torch.manual_seed(0)
    network = replace(TINY.network, text=replace(TINY.network.text, context=64))  # few tokens make long texts
    data, learning = replace(TINY.data, unseen=unseen), replace(TINY.objective, **changes)
    return Objective(replace(TINY, data=data, network=network, objective=learning), specification())


def batch(count: int = 16, units: bool = False) -> dict[str, Any]:
    """Return random faces of all classes but contempt."""
    draws = np.random.default_rng(0)
    labels = torch.arange(count) % (len(FERPLUS) - 1)
    target = {EXPRESSION: F.one_hot(labels, len(FERPLUS)).float()}
    if units:
        target[UNITS_HEAD] = torch.from_numpy(draws.random((count, len(MEASURED_UNITS))).astype(np.float32))
    pixels = torch.from_numpy(draws.integers(0, 256, (count, 1, 48, 48), np.uint8))
    return {"pixels": pixels, "target": target, "label": {EXPRESSION: labels}}


def test_sentences_by_hand() -> None:
    """Sentence 0 is true of the faces with weights 0.6, 1/15, 1/3, sentence 1 with 0.05, 0.45, 0.5; of 2 hardly any."""
    expected = []
    for column, weights in (([2.0, 0.0, 1.0], [0.9 / 1.5, 0.1 / 1.5, 0.5 / 1.5]), ([0.0, 1.0, 3.0], [0.05, 0.45, 0.5])):
        total = math.log(sum(map(math.exp, column)))
        expected.append(sum(weight * (total - value) for weight, value in zip(weights, column, strict=True)))
    assert float(tied(LOGITS, SHARES)) == pytest.approx(np.mean(expected), abs=1e-6)


def test_a_sentence_that_no_face_shows_and_a_face_that_was_not_read_do_not_count() -> None:
    logits, shares = LOGITS.clone().requires_grad_(), SHARES.clone()
    shares[1] = torch.nan
    tied(logits, shares).backward()
    assert logits.grad is not None
    assert not logits.grad[1].any() and not logits.grad[:, 2].any()
    assert logits.grad[0, 0] != 0
    alone = LOGITS.clone().requires_grad_()
    tied(alone, torch.zeros(3, 3)).backward()
    assert alone.grad is not None and not alone.grad.any()


def test_how_often_a_unit_occurs_cancels_out() -> None:
    logits, shares = LOGITS[:, :2], SHARES[:, :2]
    halved = shares * torch.tensor([0.5, 1.0])
    assert float(tied(logits, halved)) == pytest.approx(float(tied(logits, shares)), abs=1e-6)


def test_sentences_have_right_gradients() -> None:
    logits, step = LOGITS.clone().requires_grad_(), 1e-2
    tied(logits, SHARES).backward()
    assert logits.grad is not None
    for row, column in ((0, 0), (1, 1), (2, 0)):
        moved = [LOGITS.clone() for _ in range(2)]
        moved[0][row, column] += step
        moved[1][row, column] -= step
        slope = float(tied(moved[0], SHARES) - tied(moved[1], SHARES)) / (2 * step)
        assert slope == pytest.approx(float(logits.grad[row, column]), abs=1e-4)


def test_every_unit_is_said_alone_and_those_of_a_face_together() -> None:
    shares = np.zeros((3, 4))
    shares[1, [0, 2, 3]] = 0.5
    named = drawn(shares, 60, 2, np.random.default_rng(0))
    assert named[:4] == [[0], [1], [2], [3]]
    more = named[4:]
    assert 0 < len(more) < 60  # only the middle face shows anything
    assert {unit for one in more for unit in one} == {0, 2, 3}
    assert {len(one) for one in more} == {1, 2}
    assert drawn(np.full((2, 4), np.nan), 5, 2, np.random.default_rng(0)) == [[0], [1], [2], [3]]


def test_a_sentence_is_true_with_the_product_of_its_units() -> None:
    found = truths(torch.tensor([[0.5, 0.4, 1.0], [0.2, 0.1, 0.0]]), [[0], [0, 1], [2, 0, 1]])
    assert torch.allclose(found, torch.tensor([[0.5, 0.2, 0.2], [0.2, 0.02, 0.0]]))


def test_sentences_are_grammar_in_both_languages() -> None:
    assert said.sentence(["lowered brows"], "en") == "a face with lowered brows"
    assert said.sentence(["wide eyes", "a raised chin", "parted lips"], "en") == (
        "a face with wide eyes, a raised chin and parted lips"
    )
    assert said.sentence(["眉を下げた", "口を開いた"], "ja") == "眉を下げた、口を開いた顔"
    texts = worded([[0]] * 40, "both", np.random.default_rng(0))
    assert {text.endswith("顔") for text in texts} == {True, False}
    assert len(set(texts)) == sum(len(said.units(["au_01"], one)[0]) for one in ("en", "ja"))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_something_is_said_of_every_unit_that_is_read_and_of_one_alone(language: str) -> None:
    phrases = said.units(MEASURED_UNITS.labels, language)
    assert all(len(one) >= 2 for one in phrases)
    every = [phrase for one in phrases for phrase in one]
    assert len(set(every)) == len(every)
    with pytest.raises(InputError, match=r"action unit of a prompt must be one of au_01, .*not \['au_14'\]"):
        said.units(["au_14"], language)


def test_sentences_fit_the_text_tower_or_are_refused_before_training() -> None:
    text, longest = TextConfig(), ObjectiveConfig().longest
    tokenizer = Tokenizer.learn(said.corpus(), text.vocabulary, text.context)
    texts = longest_of("both", longest, tokenizer)
    assert [text.count(mark) for text, mark in zip(texts, (" and ", "、"), strict=True)] == [1, longest - 1]
    assert tokenizer.encode(texts).shape == (2, text.context)
    narrow = replace(TINY, network=replace(TINY.network, text=replace(TINY.network.text, context=32)))
    with pytest.raises(InputError, match=r"a text of \d+ tokens, at most 32 fit; shorten it"):
        Objective(tied_to_units(narrow), specification())


def test_texts_of_any_length_lie_where_those_of_classes_do() -> None:
    made = objective(()).network.eval()
    assert isinstance(made.upper, Words)
    texts = said.prompts(FERPLUS.labels)
    with torch.no_grad():
        mean = F.normalize(made.upper.said(texts["contempt"]).mean(dim=0), dim=0)
        assert torch.allclose(mean, made.upper.places(EXPRESSION)[CONTEMPT], atol=1e-5)


@pytest.mark.parametrize("axes", ["both", "printed", "images"])
@pytest.mark.parametrize("adjust", [0.0, 1.0], ids=["plain", "adjusted"])
def test_an_unseen_class_gets_no_gradient_on_either_axis(axes: str, adjust: float) -> None:
    made = objective(axes=axes, adjust=adjust)
    raw = torch.randn(16, len(FERPLUS), generator=torch.Generator().manual_seed(1)).requires_grad_()
    loss = made._head_loss(EXPRESSION, raw, batch()["target"][EXPRESSION])
    loss.backward()
    assert raw.grad is not None
    assert torch.equal(raw.grad[:, CONTEMPT], torch.zeros(16))
    assert all(raw.grad[:, place].any() for place in range(len(FERPLUS)) if place != CONTEMPT)


def test_the_loss_is_that_of_a_network_that_never_had_the_class() -> None:
    made, raw, target = objective(), torch.randn(16, len(FERPLUS)), batch()["target"][EXPRESSION]
    others = [place for place in range(len(FERPLUS)) if place != CONTEMPT]
    expected = contrastive(raw[:, others], target[:, others])
    assert torch.equal(made._head_loss(EXPRESSION, raw, target), expected)


def test_words_that_only_an_unseen_class_has_are_not_learned() -> None:
    """Rows of the token table that occur in texts of contempt alone get no gradient."""
    data, text = replace(TINY.data, unseen=("contempt",)), replace(TINY.network.text, vocabulary=1000)
    made = Objective(replace(TINY, data=data, network=replace(TINY.network, text=text)), specification())
    words = made.network.upper
    assert isinstance(words, Words)
    made.loss(batch(), 1.0).backward()
    tokens = words.get_buffer(f"tokens_{EXPRESSION}")
    rows = words._rows[EXPRESSION]
    others = {int(token) for place, one in enumerate(rows) if place != CONTEMPT for token in tokens[one].unique()}
    alone = [int(token) for token in tokens[rows[CONTEMPT]].unique() if int(token) not in others]
    grad = words.text.token_embedding.weight.grad
    assert alone and grad is not None
    assert not grad[alone].any()


def test_an_exported_model_answers_the_class_that_it_never_learned(tmp_path: Path) -> None:
    import onnxruntime

    made = objective().network.eval()
    export_graph(made, specification(), tmp_path / "model.onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 1, 48, 48)).astype(np.uint8)
    (answer,) = onnxruntime.InferenceSession(str(tmp_path / "model.onnx")).run([EXPRESSION], {"pixels": pixels})
    with torch.no_grad():
        x = (torch.from_numpy(pixels).float() / 255 - 0.5) / 0.25
        assert isinstance(made.upper, Words)
        place = F.normalize(made.upper.said(said.prompts(["contempt"])["contempt"]).mean(dim=0), dim=0)
        expected = made.upper.scale * made.features(x) @ place
    np.testing.assert_allclose(np.asarray(answer)[:, CONTEMPT], expected, atol=2e-2)


def test_units_add_a_loss_and_are_no_class() -> None:
    plain, with_units = objective((), tied=0.0), objective((), tied=0.5)
    first, second = (float(one.loss(batch(units=True), 1.0).detach()) for one in (plain, with_units))
    assert second > first
    assert float(with_units.loss(batch(), 1.0).detach()) < second  # faces that were not read


def test_hard_targets_leave_probabilities_of_units() -> None:
    made, one = objective((), tied=1.0, hard=True), batch(units=True)
    kept = made._targets(one["target"])
    assert torch.equal(kept[UNITS_HEAD], one["target"][UNITS_HEAD])


def test_sentences_are_learned_from_what_faces_show() -> None:
    """Faces that are light where a unit is shown: after some steps its sentence lies nearest to them."""
    made = objective((), tied=1.0, optimizer="adamw")
    one = batch(32, units=True)
    shown = torch.arange(32) % 2 == 0
    one["pixels"] = torch.where(shown[:, None, None, None], 220, 30).expand(32, 1, 48, 48).to(torch.uint8).contiguous()
    one["target"][UNITS_HEAD] = torch.zeros(32, len(MEASURED_UNITS))
    one["target"][UNITS_HEAD][shown, 0] = 1.0
    optimizer = torch.optim.AdamW(made.network.parameters(), 3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        made.loss(one, 1.0).backward()
        optimizer.step()
    made.network.eval()
    assert isinstance(made.network.upper, Words)
    with torch.no_grad():
        near = made.network.features(made.normalise(one["pixels"].float() / 255))
        cosines = near @ made.network.upper.said(["a face with raised inner brows"])[0]
    assert cosines[shown].mean() > cosines[~shown].mean() + 0.1


def test_tied_arms_differ_in_the_loss_alone() -> None:
    for name, other in (("tied", "descriptions"), ("unseen-contempt-tied", "unseen-contempt")):
        arm, base = RECIPES[name], RECIPES[other]
        assert replace(arm, data=replace(arm.data, teacher=None), objective=replace(arm.objective, tied=0.0)) == base
    assert RECIPES["unseen-contempt"].data.unseen == ("contempt",)


@pytest.mark.parametrize(
    ("section", "changes", "words"),
    [
        ("data", {"teacher": None}, r"data\.teacher must be the model whose action units"),
        ("data", {"dataset": "joined"}, r"data\.dataset must be fer2013 or drawn beside objective\.tied"),
        ("data", {"unseen": ("joy",)}, r"data\.unseen must be of anger, contempt, .*not joy"),
        ("network", {"head": "linear"}, r"network\.head must be text beside objective\.tied"),
        ("objective", {"tied": -1.0}, r"objective\.tied must be 0 or a positive"),
        ("objective", {"sentences": -1}, r"objective\.sentences must be 0 or more"),
        ("objective", {"longest": 0}, r"objective\.longest must be 1 or more"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_settings_with_which_nothing_can_be_tied_are_refused(section: str, changes: dict[str, Any], words: str) -> None:
    recipe = tied_to_units(TINY)
    recipe.check()
    with pytest.raises(InputError, match=words):
        replace(recipe, **{section: replace(getattr(recipe, section), **changes)}).check()
