from __future__ import annotations

import dataclasses
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F

from kaoiro.core.errors import InputError
from kaoiro.core.labels import FER2013, FERPLUS
from kaoiro.core.spec import Head, Specification
from kaoiro.data import source
from kaoiro.data.augmentation import Augmentation
from kaoiro.data.transforms import augment, sample
from kaoiro.families.language_contrast import prompts as said
from kaoiro.families.language_contrast.config import NetworkConfig, TextConfig
from kaoiro.families.language_contrast.losses import adjusted, contrastive, text_axis
from kaoiro.families.language_contrast.network import Enlarged, Network, Words
from kaoiro.families.language_contrast.objective import Objective
from kaoiro.families.language_contrast.recipe import RECIPES, TINY
from kaoiro.nn.clip import Clip
from kaoiro.nn.clip_files import save_clip
from kaoiro.nn.clip_sizes import CLIP_MEAN, CLIP_STD, ClipSizes, ResNetSizes, TextSizes
from kaoiro.nn.losses import soft_cross_entropy
from kaoiro.nn.schedule import one_cycle
from kaoiro.nn.tokens import Tokenizer
from kaoiro.training.export import export_graph
from kaoiro.training.start import start_from

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0], [4.0, 0.0, 1.0], [0.0, 0.0, 3.0]])
TARGETS = torch.eye(3)[[0, 1, 0, 2]]


def specification(labels: tuple[str, ...] = FER2013.labels, more: tuple[str, ...] = ()) -> Specification:
    heads = [Head(name="expression", activation="softmax", labels=labels)]
    heads += [Head(name="expression_fer2013", activation="softmax", labels=more)] if more else []
    crop = TINY.crop
    return Specification(size=48, channels=1, mean=(0.5,), std=(0.25,), crop=crop, heads=tuple(heads))


def network(seed: int = 0, spec: Specification | None = None, **changes: object) -> Network:
    torch.manual_seed(seed)
    return Network(dataclasses.replace(TINY.network, **changes), spec or specification())


def test_the_text_axis_by_hand() -> None:
    """Class 0 has two images, whose mean logits are (3, 0, 0); of class 1 (0, 1, 0), of class 2 (0, 0, 3)."""
    columns = ([3.0, 0.0, 0.0], [1.0, 0.0, 0.0], [3.0, 0.0, 0.0])  # each class's text: own images first
    expected = np.mean([math.log(sum(map(math.exp, column))) - column[0] for column in columns])
    assert float(text_axis(LOGITS, TARGETS)) == pytest.approx(expected, abs=1e-6)
    both = (float(F.cross_entropy(LOGITS, torch.tensor([0, 1, 0, 2]))) + expected) / 2
    assert float(contrastive(LOGITS, TARGETS)) == pytest.approx(both, abs=1e-6)


def test_a_batch_without_a_class_keeps_the_text_axis_of_the_others() -> None:
    """Trap: as published, half of all random batches of faces would silently lose the text axis."""
    logits, targets = LOGITS[:3], TARGETS[:3]  # nothing of class 2
    columns = ([3.0, 0.0], [1.0, 0.0])
    expected = np.mean([math.log(sum(map(math.exp, column))) - column[0] for column in columns])
    assert float(text_axis(logits, targets)) == pytest.approx(expected, abs=1e-6)
    assert float(text_axis(logits, targets, printed=True)) == 0
    assert float(contrastive(logits, targets, printed=True)) == pytest.approx(
        float(soft_cross_entropy(logits, targets))
    )
    assert torch.allclose(contrastive(LOGITS, TARGETS, printed=True), contrastive(LOGITS, TARGETS))


def test_distributions_belong_to_classes_by_their_shares() -> None:
    logits = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    targets = torch.tensor([[0.75, 0.25], [0.25, 0.75]])
    first = [0.75 * 1.0, 0.25 * 1.0]  # text 0: mean logits of images of class 0, of class 1
    second = [0.75 * 2.0, 0.25 * 2.0]
    expected = np.mean([math.log(math.exp(a) + math.exp(b)) - a for a, b in (first, second)])
    assert float(text_axis(logits, targets)) == pytest.approx(expected, abs=1e-6)


def test_faces_without_a_label_do_not_count() -> None:
    unknown = torch.cat([TARGETS, torch.full((1, 3), torch.nan)])
    logits = torch.cat([LOGITS, torch.tensor([[9.0, -9.0, 0.0]])]).requires_grad_()
    loss = contrastive(logits, unknown)
    assert loss.item() == pytest.approx(float(contrastive(LOGITS, TARGETS)))
    loss.backward()
    assert logits.grad is not None and not logits.grad[-1].any()
    alone = torch.zeros(2, 3, requires_grad=True)
    text_axis(alone, torch.full((2, 3), torch.nan)).backward()
    assert alone.grad is not None and not alone.grad.any()


def test_both_axes_have_right_gradients() -> None:
    logits = LOGITS.double().requires_grad_()
    soft = torch.softmax(TARGETS.double() * 2, dim=1)
    single = contrastive(LOGITS.requires_grad_(), soft.float())
    single.backward()
    step = 1e-3
    for row, column in ((0, 0), (1, 2), (3, 1)):
        moved = [LOGITS.detach().clone() for _ in range(2)]
        moved[0][row, column] += step
        moved[1][row, column] -= step
        slope = (contrastive(moved[0], soft.float()) - contrastive(moved[1], soft.float())) / (2 * step)
        assert LOGITS.grad is not None
        assert float(slope) == pytest.approx(float(LOGITS.grad[row, column]), abs=1e-3)
    LOGITS.requires_grad_(False)
    LOGITS.grad = None
    assert torch.autograd.gradcheck(lambda x: soft_cross_entropy(x, soft), logits)


def test_logits_are_adjusted_by_the_shares_of_the_classes() -> None:
    prior = torch.tensor([0.5, 0.4, 0.1])
    assert torch.allclose(adjusted(LOGITS, prior, 1.0), LOGITS + torch.log(prior))
    assert adjusted(LOGITS, prior, 0.0) is LOGITS


def test_something_is_said_of_every_class_in_both_languages() -> None:
    for style in ("class", "names", "descriptions", "actions"):
        for language in ("en", "ja", "both"):
            found = said.prompts(FERPLUS.labels, style, language)
            assert list(found) == list(FERPLUS.labels)
            assert all(texts and all("{" not in text for text in texts) for texts in found.values())
    assert said.prompts(["happiness"], "class") == {"happiness": ["a photo of a happy, smiling looking face."]}
    assert len(said.prompts(["anger"], "class", "both")["anger"]) == 2
    with pytest.raises(InputError, match=r"label of a prompt must be one of anger, .*not \['joy'\]"):
        said.prompts(["joy"])


def test_no_two_classes_are_said_the_same() -> None:
    texts = [text for texts in said.prompts(FERPLUS.labels, "actions", "both").values() for text in texts]
    assert len(set(texts)) == len(texts)


def test_every_prompt_fits_the_text_tower() -> None:
    text = TextConfig()
    tokens = Tokenizer.learn(said.corpus(), text.vocabulary, text.context).encode(said.corpus())
    assert tokens.shape[1] == text.context  # a longer text is refused


def test_faces_lie_on_the_sphere_and_logits_are_scaled_cosines() -> None:
    made = network().eval()
    x = torch.randn(4, 1, 48, 48)
    with torch.no_grad():
        h = made.features(x)
        assert torch.allclose(h.norm(dim=1), torch.ones(4), atol=1e-5)
        assert isinstance(made.upper, Words)
        places = made.upper.places("expression")
        expected = made.upper.logit_scale.exp() * F.cosine_similarity(h[:, None], places[None], dim=2)
        assert torch.allclose(made(x).heads["expression"], expected, atol=1e-4)


def test_while_training_one_text_of_each_class_is_drawn() -> None:
    made = network().train()
    assert isinstance(made.upper, Words)
    torch.manual_seed(0)
    drawn = [made.upper.places("expression") for _ in range(6)]
    assert any(not torch.equal(drawn[0], other) for other in drawn[1:])
    fixed = network(text=dataclasses.replace(TINY.network.text, sampled=False)).train()
    assert isinstance(fixed.upper, Words)
    assert torch.equal(fixed.upper.places("expression"), fixed.upper.places("expression"))


def test_an_exported_network_has_its_texts_compiled(tmp_path: Path) -> None:
    made = network(spec=specification(FERPLUS.labels, FER2013.labels)).eval()
    x = torch.randn(3, 1, 48, 48)
    with torch.no_grad():
        whole, table = made(x), made.deployed()(x)
    for name in whole.heads:
        assert torch.allclose(whole.heads[name], table.heads[name], atol=1e-5)
    export_graph(made, specification(FERPLUS.labels, FER2013.labels), tmp_path / "model.onnx")
    graph = onnx.load(str(tmp_path / "model.onnx")).graph
    assert not any("text" in tensor.name or "token" in tensor.name for tensor in graph.initializer)


def test_a_linear_arm_has_the_same_image_tower_and_no_words() -> None:
    words, linear = network(), network(head="linear")
    lower = {name for name in words.state_dict() if name.startswith("lower.")}
    assert lower == {name for name in linear.state_dict() if name.startswith("lower.")}
    assert {name for name in linear.state_dict() if name.startswith("upper.")} == {
        "upper.expression.weight",
        "upper.expression.bias",
    }


def test_training_may_begin_with_the_image_tower_of_another_kind_of_head(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    linear, words = network(1, head="linear"), network(2)
    save_file(linear.state_dict(), tmp_path / "weights.safetensors")
    before = {name: value.clone() for name, value in words.state_dict().items()}
    start_from(words, tmp_path)
    for name, value in words.state_dict().items():
        wanted = linear.state_dict()[name] if name.startswith("lower.") else before[name]
        assert torch.equal(value, wanted)


def test_arms_differ_in_what_is_compared_alone() -> None:
    linear = RECIPES["linear"]
    for name in ("class-names", "descriptions", "frozen-text", "one-axis"):
        arm = RECIPES[name]
        assert (arm.data, arm.run, arm.size) == (linear.data, linear.run, linear.size)
        tower = {"head": "linear", "text": linear.network.text}
        assert dataclasses.replace(arm.network, **tower) == linear.network
        assert dataclasses.replace(arm.objective, axes="images") == linear.objective


def test_flips_are_horizontal_only() -> None:
    """Trap: flips of forgeries are vertical, too."""
    images = torch.linspace(0, 1, 48)[None, None, :, None].expand(64, 1, 48, 48)  # lighter downwards
    still = Augmentation(rotation=0, shift=0, scale=0, light=0, blur=0, low_resolution=0, jpeg=0, noise=0, erase=0)
    drawn = augment(images.contiguous(), sample(still, images.shape, torch.Generator().manual_seed(0)))
    assert (drawn[:, :, -8:].mean(dim=(1, 2, 3)) > drawn[:, :, :8].mean(dim=(1, 2, 3))).all()


def test_the_learning_rate_warms_up_and_falls_along_a_cosine() -> None:
    """Trap: as published, the rate halves every five epochs, whatever is learned."""
    rates = [one_cycle(step / 100, 0.05) for step in range(101)]
    assert rates[0] < rates[3] < max(rates)
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(rates[6:]))
    assert rates[-1] == pytest.approx(0, abs=1e-3)


def tiny_clip(folder: Path) -> tuple[str, str]:
    torch.manual_seed(0)
    tokenizer = Tokenizer.learn(said.corpus(), 400, 77)
    tokenizer.save(folder / "tokenizer.json")
    save_clip(
        Clip(ClipSizes(16, ResNetSizes((1, 1, 1, 1), 8, 64), TextSizes(tokenizer.vocabulary, 16, 1, 2, 77))),
        folder / "clip.safetensors",
    )
    return str(folder / "clip.safetensors"), str(folder / "tokenizer.json")


def test_published_towers_see_faces_enlarged_in_their_own_colours(tmp_path: Path) -> None:
    """Traps: padding by mirror images, and ImageNet's mean and standard deviation."""
    weights, merges = tiny_clip(tmp_path)
    text = dataclasses.replace(TINY.network.text, context=77, style="class", sampled=False)
    made = network(tower="clip", clip=weights, merges=merges, embed=16, text=text).eval()
    assert isinstance(made.lower, Enlarged)
    ramp = torch.linspace(0, 1, 48)[None, None, None, :].expand(1, 1, 48, 48)
    seen = made.lower.prepared((ramp - 0.5) / 0.25)
    assert seen.shape == (1, 3, 64, 64)
    pixels = seen * torch.tensor(CLIP_STD).reshape(1, 3, 1, 1) + torch.tensor(CLIP_MEAN).reshape(1, 3, 1, 1)
    assert torch.allclose(pixels[:, 0], pixels[:, 2], atol=1e-5)
    assert (pixels[0, 0, 0].diff() > -1e-4).all()  # one face from edge to edge, no mirror images of it
    with torch.no_grad():
        answer = made(torch.randn(2, 1, 48, 48)).heads["expression"]
    assert answer.shape == (2, 7) and torch.isfinite(answer).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tower": "clip"}, "network.tower clip must be given together with network.clip and network.merges"),
        ({"clip": "x", "merges": "y"}, "network.tower clip must be given together"),
        ({"embed": 1}, r"network\.embed must be 2 or more"),
        ({"text": TextConfig(width=10, heads=4)}, "network.text.width must be a multiple of 4 heads"),
        ({"scale": 0.0}, "network.scale"),
    ],
)
def test_towers_that_cannot_be_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        dataclasses.replace(NetworkConfig(), **changes).check()


def test_faces_of_other_classes_are_not_blended_where_negatives_are() -> None:
    recipe = dataclasses.replace(
        TINY, objective=dataclasses.replace(TINY.objective, mixup=0.4, mixup_among=("anger", "fear"))
    )
    objective = Objective(recipe, specification())
    labels = torch.tensor([0, 3, 2, 0, 6, 2, -1])
    for _ in range(10):
        order = objective._order(labels).tolist()
        assert [order[place] for place in (1, 4, 6)] == [1, 4, 6]
        assert sorted(order) == list(range(7))


def test_the_loss_of_an_arm_falls_on_drawn_faces() -> None:
    data = source.load(TINY.data)
    spec = specification(data.vocabularies["expression"].labels)
    objective = Objective(TINY, spec)
    optimizer = torch.optim.AdamW(objective.network.parameters(), 3e-3)
    pixels = torch.from_numpy(data.training.pixels[:64])[:, None]
    batch = {
        "pixels": pixels,
        "target": {"expression": torch.from_numpy(data.training.targets["expression"][:64])},
        "label": {"expression": torch.from_numpy(data.training.labels["expression"][:64])},
    }
    losses = []
    for _ in range(30):
        loss = objective.loss(batch, 1.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.8 * losses[0]


def test_heads_give_the_same_answer_unless_their_texts_are_apart() -> None:
    """With the same texts, two annotations of the same faces cannot be learned; contempt has no text in the second."""
    faces, both = (
        torch.randn(4, 1, 48, 48, generator=torch.Generator().manual_seed(0)),
        (FERPLUS.labels, FER2013.labels),
    )
    shared = FERPLUS.indices(FER2013.labels)
    for apart in (False, True):
        text = dataclasses.replace(TINY.network.text, style="descriptions", apart=apart)
        heads = network(spec=specification(*both), text=text).eval()(faces).heads
        first, second = heads["expression"][:, shared], heads["expression_fer2013"]
        assert torch.allclose(first, second, atol=1e-5) is not apart
