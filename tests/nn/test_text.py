from __future__ import annotations

import pytest
import torch

from kaoiro.core.errors import InputError
from kaoiro.nn.text import TextTower

START, END = 48, 49


@pytest.fixture
def tower() -> TextTower:
    torch.manual_seed(0)
    return TextTower(50, width=16, layers=2, heads=2, context=8, embed=6).eval()


def rows(*texts: list[int], length: int = 8) -> torch.Tensor:
    padded = [[START, *text, END, *[0] * (length - len(text) - 2)] for text in texts]
    return torch.tensor(padded)


def test_a_text_gives_one_feature(tower: TextTower) -> None:
    assert tower(rows([3, 4], [5], [])).shape == (3, 6)
    assert tower.states(rows([3, 4])).shape == (1, 8, 16)


def test_what_follows_the_end_does_not_matter(tower: TextTower) -> None:
    tokens = rows([3, 4], [5])
    other = tokens.clone()
    other[0, 4:] = torch.tensor([7, START, 1, 2])
    assert torch.equal(tower(tokens), tower(other))


def test_texts_may_be_cut_to_the_longest(tower: TextTower) -> None:
    torch.testing.assert_close(tower(rows([3, 4], [5])), tower(rows([3, 4], [5], length=4)))


def test_every_token_before_the_end_matters_and_so_does_their_order(tower: TextTower) -> None:
    features = tower(rows([3, 4, 5], [6, 4, 5], [3, 6, 5], [3, 4, 6], [4, 3, 5]))
    apart = torch.cdist(features, features) + torch.eye(5)
    assert apart.min() > 1e-2


def test_texts_do_not_influence_each_other(tower: TextTower) -> None:
    tokens = rows([3, 4], [5], [9, 9, 9])
    singly = torch.cat([tower(row[None]) for row in tokens])
    torch.testing.assert_close(tower(tokens), singly)


def test_the_feature_is_the_projected_state_at_the_end(tower: TextTower) -> None:
    tokens = rows([3, 4], [5])
    states = tower.states(tokens)
    torch.testing.assert_close(tower(tokens), torch.stack([states[0, 3], states[1, 2]]) @ tower.text_projection)


def test_every_parameter_gets_a_gradient(tower: TextTower) -> None:
    tower(rows([1, 2, 3, 4, 5, 6])).square().sum().backward()
    still = [name for name, value in tower.named_parameters() if value.grad is None or not value.grad.abs().sum()]
    assert still == []


def test_the_defaults_are_the_small_tower() -> None:
    tower = TextTower(2000)
    assert tower.context == 32
    assert sum(value.numel() for value in tower.parameters()) == 1_069_824


def test_longer_texts_are_refused(tower: TextTower) -> None:
    with pytest.raises(ValueError, match="9 tokens; this tower reads up to 8"):
        tower(torch.zeros(1, 9, dtype=torch.long))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [({"heads": 3}, "text.width"), ({"layers": 0}, "text.layers"), ({"context": 1}, "text.context")],
)
def test_sizes_without_a_tower_are_refused(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TextTower(50, **sizes)
