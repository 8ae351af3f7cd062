from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from kaoiro.metrics.agreement import concordance
from kaoiro.nn.losses import concordance_loss, mix, presence_loss, soft_cross_entropy, squared_loss

NAN = float("nan")


def randoms(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_even_logits_cost_the_logarithm_of_the_number_of_classes() -> None:
    target = torch.tensor([[1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]])
    assert soft_cross_entropy(torch.zeros(2, 4), target).item() == pytest.approx(math.log(4))


def test_the_loss_is_the_mean_over_faces_of_vote_shares_times_log_probabilities() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]))
    target = torch.tensor([[0.6, 0.4, 0.0], [0.0, 0.0, 1.0]])
    first = -(0.6 * math.log(0.5) + 0.4 * math.log(0.25))
    assert soft_cross_entropy(logits, target).item() == pytest.approx((first - math.log(0.8)) / 2)


def test_clear_votes_cost_what_classes_cost() -> None:
    logits, classes = randoms(6, 8), torch.tensor([0, 3, 7, 1, 1, 5])
    target = torch.nn.functional.one_hot(classes, 8).double()
    expected = torch.nn.functional.cross_entropy(logits, classes)
    torch.testing.assert_close(soft_cross_entropy(logits, target), expected)


def test_divided_votes_cost_least_where_probabilities_equal_the_votes() -> None:
    target = torch.tensor([[0.6, 0.3, 0.1]], dtype=torch.float64)
    best = torch.log(target)
    least = soft_cross_entropy(best, target).item()
    assert least == pytest.approx(-(0.6 * math.log(0.6) + 0.3 * math.log(0.3) + 0.1 * math.log(0.1)))
    for seed in range(10):
        assert soft_cross_entropy(best + 0.1 * randoms(1, 3, seed=seed), target).item() > least


def test_a_constant_added_to_all_logits_changes_nothing() -> None:
    logits, target = randoms(3, 5), torch.softmax(randoms(3, 5, seed=1), dim=1)
    torch.testing.assert_close(soft_cross_entropy(logits + 700, target), soft_cross_entropy(logits, target))


def test_the_gradient_is_probabilities_minus_votes_over_the_faces() -> None:
    logits, target = randoms(4, 3).requires_grad_(), torch.softmax(randoms(4, 3, seed=1), dim=1)
    soft_cross_entropy(logits, target).backward()
    torch.testing.assert_close(logits.grad, (torch.softmax(logits.detach(), dim=1) - target) / 4)


def test_the_gradient_agrees_with_finite_differences() -> None:
    target = torch.softmax(randoms(4, 3, seed=1), dim=1)
    target[2] = NAN
    assert torch.autograd.gradcheck(lambda x: soft_cross_entropy(x, target), randoms(4, 3).requires_grad_())


def test_a_face_without_a_label_neither_counts_nor_learns() -> None:
    logits = randoms(3, 4).requires_grad_()
    target = torch.softmax(randoms(3, 4, seed=1), dim=1)
    target[1, 2] = NAN
    loss = soft_cross_entropy(logits, target)
    torch.testing.assert_close(loss, soft_cross_entropy(logits[[0, 2]], target[[0, 2]]))
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[1].abs().sum() == 0
    assert (logits.grad[[0, 2]].abs().sum(dim=1) > 0).all()


def test_without_any_label_the_loss_and_its_gradient_are_0() -> None:
    logits = randoms(3, 4).requires_grad_()
    loss = soft_cross_entropy(logits, torch.full((3, 4), NAN))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.abs().sum() == 0


def test_half_precision_logits_are_summed_in_single_precision() -> None:
    logits, target = randoms(4, 8).bfloat16(), torch.softmax(randoms(4, 8, seed=1), dim=1).float()
    loss = soft_cross_entropy(logits, target)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, soft_cross_entropy(logits.float(), target))


def test_extreme_logits_stay_finite() -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    loss = soft_cross_entropy(logits, torch.tensor([[0.0, 1.0, 0.0]]))
    loss.backward()
    assert loss.item() == pytest.approx(2e4)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_mixing_blends_each_face_and_its_votes_with_its_partner() -> None:
    images = torch.tensor([0.0, 1.0, 0.5]).reshape(3, 1, 1, 1).expand(3, 1, 2, 2)
    target = torch.eye(3)
    order = torch.tensor([1, 2, 0])
    blended, votes = mix(images, 0.75, order), mix(target, 0.75, order)
    assert blended[:, 0, 0, 0].tolist() == pytest.approx([0.25, 0.875, 0.375])
    torch.testing.assert_close(votes, torch.tensor([[0.75, 0.25, 0], [0, 0.75, 0.25], [0.25, 0, 0.75]]))


def test_mixing_keeps_votes_summing_to_1_and_a_weight_of_1_keeps_everything() -> None:
    images, target = randoms(5, 1, 4, 4), torch.softmax(randoms(5, 3, seed=1), dim=1)
    order = torch.tensor([4, 2, 0, 1, 3])
    torch.testing.assert_close(mix(target, 0.3, order).sum(dim=1), torch.ones(5, dtype=torch.float64))
    torch.testing.assert_close(mix(images, 1.0, order), images)
    torch.testing.assert_close(mix(target, 1.0, order), target)


def test_a_blend_with_an_unlabelled_face_carries_no_label() -> None:
    target = torch.tensor([[1.0, 0.0], [NAN, NAN], [0.0, 1.0]])
    votes = mix(target, 0.5, torch.tensor([1, 2, 0]))
    assert torch.isnan(votes).any(dim=1).tolist() == [True, True, False]


def test_concordance_is_that_of_lin_over_labelled_rows_and_the_mean_of_columns() -> None:
    answer = torch.tensor([[0.1, 0.0], [0.4, 0.5], [0.9, 0.2], [7.0, 7.0]])
    target = torch.tensor([[0.0, 0.1], [0.5, 0.3], [1.0, 0.6], [NAN, 0.0]])
    expected = [concordance(target[:3, k].numpy(), answer[:3, k].numpy()) for k in range(2)]
    assert concordance_loss(answer, target).item() == pytest.approx(1 - sum(expected) / 2, abs=1e-5)


def test_concordance_of_constant_targets_is_their_squared_error() -> None:
    answer = torch.tensor([[0.5], [0.7]], requires_grad=True)
    loss = concordance_loss(answer, torch.full((2, 1), 0.1))
    assert loss.item() == pytest.approx((0.16 + 0.36) / 2)
    loss.backward()
    assert torch.isfinite(answer.grad).all()  # pyright: ignore


@pytest.mark.parametrize("loss", [concordance_loss, squared_loss, presence_loss])
def test_without_labels_nothing_is_learned(loss: Any) -> None:
    answer = torch.randn(4, 2, requires_grad=True)
    value = loss(answer, torch.full((4, 2), NAN))
    value.backward()
    assert value.item() == 0
    assert answer.grad is not None
    assert not answer.grad.any()


@pytest.mark.parametrize("loss", [concordance_loss, squared_loss])
def test_gradients_of_affect_are_right(loss: Any) -> None:
    answer = randoms(6, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda a: loss(a, randoms(6, 2, seed=1)), (answer,))


def test_squared_error_is_a_mean_over_labelled_rows() -> None:
    answer, target = torch.tensor([[1.0, 0.0], [5.0, 5.0]]), torch.tensor([[0.0, 0.5], [NAN, NAN]])
    assert squared_loss(answer, target).item() == pytest.approx((1.0 + 0.25) / 2)


def test_rare_units_weigh_as_negatives_to_positives_up_to_a_limit() -> None:
    raw = torch.zeros(4, 2)
    target = torch.tensor([[1.0, 0], [0, 0], [0, 0], [0, 0]])
    per_case = math.log(2)
    assert presence_loss(raw, target, 10).item() == pytest.approx(per_case * (3 + 3 + 4) / 8)
    assert presence_loss(raw, target, 2).item() == pytest.approx(per_case * (2 + 3 + 4) / 8)
