from __future__ import annotations

import pytest
import torch
from torch import nn

from kaoiro.nn.transformer import Block, QuickGelu, SelfAttention, Transformer, forgetful


def test_quick_gelu_against_values_computed_by_hand() -> None:
    out = QuickGelu()(torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64))
    expected = torch.tensor([-0.154204, 0.0, 1.935659], dtype=torch.float64)  # x / (1 + e^(-1.702 x))
    torch.testing.assert_close(out, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("causal", [True, False])
def test_attention_is_that_of_pytorch_under_the_same_names(causal: bool) -> None:
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True)
    ours = SelfAttention(12, 3, causal)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 5, 12)
    mask = nn.Transformer.generate_square_subsequent_mask(5) if causal else None
    torch.testing.assert_close(ours(x), theirs(x, x, x, attn_mask=mask, need_weights=False)[0])


def test_a_token_sees_only_what_stands_before_it_where_causal() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 6, 16)
    changed = x.clone()
    changed[:, 4:] = torch.randn(1, 2, 16)
    causal, free = (Transformer(16, 2, 2, causal, "quick").eval() for causal in (True, False))
    torch.testing.assert_close(causal(x)[:, :4], causal(changed)[:, :4])
    assert (causal(x)[:, 4:] - causal(changed)[:, 4:]).abs().amax(dim=2).min() > 1e-2
    assert (free(x)[:, :4] - free(changed)[:, :4]).abs().amax(dim=2).min() > 1e-3


def test_activations_differ() -> None:
    torch.manual_seed(0)
    quick, exact = Block(8, 2, False, "quick"), Block(8, 2, False, "exact")
    exact.load_state_dict(quick.state_dict())
    x = 3 * torch.randn(1, 4, 8)
    assert 1e-5 < (quick(x) - exact(x)).abs().max() < 0.1


def test_branches_begin_smaller_in_deeper_transformers() -> None:
    torch.manual_seed(0)
    spread = [
        Transformer(64, layers, 1, True, "quick").resblocks[0].attn.out_proj.weight.std().item() for layers in (2, 8)
    ]
    assert spread[0] / spread[1] == pytest.approx(2, rel=0.1)


class Normalised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.convolution(x)).relu()


def test_forgetting_changes_neither_gradients_nor_running_means() -> None:
    torch.manual_seed(0)
    plain, spared = Normalised(), Normalised()
    spared.load_state_dict(plain.state_dict())
    x = torch.randn(4, 2, 6, 6, requires_grad=True)
    plain(x).square().sum().backward()
    assert x.grad is not None
    kept, x.grad = x.grad, None
    forgetful(spared, x).square().sum().backward()
    torch.testing.assert_close(x.grad, kept)
    for name, value in plain.named_buffers():
        if "tracked" not in name:
            torch.testing.assert_close(spared.get_buffer(name), value)
    for name, value in plain.named_parameters():
        torch.testing.assert_close(spared.get_parameter(name).grad, value.grad)
    assert spared.norm.momentum == plain.norm.momentum


def test_nothing_is_forgotten_where_no_gradient_is_wanted() -> None:
    block = Normalised().eval()
    with torch.no_grad():
        assert torch.equal(forgetful(block, torch.ones(1, 2, 4, 4)), block(torch.ones(1, 2, 4, 4)))
