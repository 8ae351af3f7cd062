from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kaoiro.core.errors import InputError
from kaoiro.nn.clip import Clip, cosine_logits, limit_scale
from kaoiro.nn.clip_image import BRANCH, AttentionPool, Bottleneck, resized
from kaoiro.nn.clip_names import published
from kaoiro.nn.clip_sizes import RN50, RN50X64, VIT_B_32, ClipSizes, PatchSizes, ResNetSizes, TextSizes

TEXT = TextSizes(50, width=64, layers=2, heads=1, context=8)
RESIDUAL = ClipSizes(12, ResNetSizes((1, 2, 1, 1), 4, 64), TEXT)
PATCHES = ClipSizes(12, PatchSizes(16, 64, 2, 1, 64), TEXT)
TOKENS = torch.tensor([[48, 3, 4, 49, 0, 0, 0, 0], [48, 5, 49, 0, 0, 0, 0, 0], [48, 9, 8, 7, 6, 5, 4, 49]])
both = pytest.mark.parametrize("sizes", [RESIDUAL, PATCHES], ids=["residual", "patches"])


def network(sizes: ClipSizes) -> Clip:
    torch.manual_seed(0)
    return Clip(sizes)


def images(count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [(RN50X64, 623_258_305), (RN50, 102_007_137), (VIT_B_32, 151_277_313)],  # as their authors' code counts them
)
def test_the_published_numbers_of_parameters(sizes: ClipSizes, expected: int) -> None:
    with torch.device("meta"):
        clip = Clip(sizes)
    assert sum(value.numel() for value in clip.parameters()) == expected


def test_the_published_names_and_shapes() -> None:
    with torch.device("meta"):
        state = {name: tuple(value.shape) for name, value in published(Clip(RN50X64).state_dict()).items()}
    assert len(state) == 1353
    known = {
        "visual.conv1.weight": (64, 3, 3, 3),
        "visual.bn3.running_var": (128,),
        "visual.layer1.0.downsample.0.weight": (512, 128, 1, 1),
        "visual.layer1.0.downsample.1.weight": (512,),
        "visual.layer3.35.conv2.weight": (512, 512, 3, 3),
        "visual.layer4.9.bn3.num_batches_tracked": (),
        "visual.attnpool.positional_embedding": (197, 4096),
        "visual.attnpool.q_proj.weight": (4096, 4096),
        "visual.attnpool.c_proj.weight": (1024, 4096),
        "token_embedding.weight": (49408, 1024),
        "positional_embedding": (77, 1024),
        "transformer.resblocks.0.attn.in_proj_weight": (3072, 1024),
        "transformer.resblocks.11.attn.out_proj.bias": (1024,),
        "transformer.resblocks.5.mlp.c_fc.weight": (4096, 1024),
        "transformer.resblocks.5.mlp.c_proj.weight": (1024, 4096),
        "transformer.resblocks.5.ln_2.weight": (1024,),
        "ln_final.bias": (1024,),
        "text_projection": (1024, 1024),
        "logit_scale": (),
    }
    assert {name: state[name] for name in known} == known
    assert RN50X64.image.heads == 64  # type: ignore[union-attr]


@both
def test_every_picture_is_compared_with_every_text(sizes: ClipSizes) -> None:
    clip = network(sizes).eval()
    logits = clip(images(), TOKENS)
    assert logits.shape == (2, 3)
    assert clip.visual(images()).shape == (2, 12)
    assert logits.abs().max() <= 1 / 0.07 + 1e-4  # the scale at the beginning


@both
def test_every_parameter_gets_a_gradient(sizes: ClipSizes) -> None:
    clip = network(sizes)
    clip(images(4), TOKENS).square().sum().backward()
    still = {name for name, value in clip.named_parameters() if value.grad is None or not value.grad.abs().sum()}
    assert still <= {"visual.attnpool.k_proj.bias"}  # what is added to all keys alike changes no attention


@both
def test_pictures_do_not_influence_each_other(sizes: ClipSizes) -> None:
    clip = network(sizes).eval()
    singly = torch.cat([clip(image[None], TOKENS) for image in images(3)])
    torch.testing.assert_close(clip(images(3), TOKENS), singly, atol=1e-5, rtol=1e-4)


@both
def test_sparing_memory_changes_no_gradient(sizes: ClipSizes) -> None:
    plain, spared = network(sizes), network(sizes)
    spared.spare_memory()
    for clip in (plain, spared):
        clip(images(4), TOKENS).square().sum().backward()
    for (name, one), other in zip(plain.named_parameters(), spared.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, msg=name)
    for name, value in plain.named_buffers():
        if "tracked" not in name:
            torch.testing.assert_close(spared.get_buffer(name), value)


@both
def test_other_sizes_of_pictures_are_refused(sizes: ClipSizes) -> None:
    with pytest.raises(ValueError, match=r"\(3, 96, 96\); this tower reads \(3, 64, 64\)"):
        network(sizes).visual(torch.zeros(1, 3, 96, 96))


@both
@pytest.mark.filterwarnings("ignore")
def test_onnx_equals_pytorch_at_any_number_of_pictures(sizes: ClipSizes, tmp_path) -> None:
    clip = network(sizes).eval()
    path = str(tmp_path / "image.onnx")
    axes = {"pixels": {0: "faces"}, "features": {0: "faces"}}
    names = {"input_names": ["pixels"], "output_names": ["features"]}
    torch.onnx.export(clip.visual, (images(),), path, dynamic_axes=axes, opset_version=17, dynamo=False, **names)
    (features,) = onnxruntime.InferenceSession(path).run(None, {"pixels": images(5).numpy()})
    np.testing.assert_allclose(features, clip.visual(images(5)).detach().numpy(), atol=1e-4, rtol=1e-4)


@both
def test_a_network_learns_which_text_belongs_to_which_picture(sizes: ClipSizes) -> None:
    clip = network(sizes)
    colours = torch.eye(3)[:, :, None, None].expand(3, 3, 64, 64)
    optimiser = torch.optim.AdamW(clip.parameters(), lr=2e-3)
    for step in range(30):
        noise = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(step))
        loss = F.cross_entropy(clip(colours + 0.3 * noise, TOKENS), torch.arange(3))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        limit_scale(clip.logit_scale)
    assert loss.item() < 0.1


def test_the_maps_of_a_residual_tower_are_a_thirty_second_of_the_picture() -> None:
    assert network(RESIDUAL).visual.maps(images()).shape == (2, 128, 2, 2)


def test_logits_are_the_scaled_cosine() -> None:
    pictures, texts = torch.tensor([[3.0, 4.0], [0.0, 2.0]]), torch.tensor([[5.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    logits = cosine_logits(pictures, texts, torch.tensor(math.log(10.0)))
    expected = torch.tensor([[6.0, 8.0, -9.8995], [0.0, 10.0, -7.0711]])
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)


def test_logits_keep_single_precision_under_autocast() -> None:
    pictures, texts = torch.randn(4, 64), torch.randn(3, 64)
    scale = torch.tensor(math.log(100.0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = cosine_logits(pictures, texts, scale)
    torch.testing.assert_close(logits, cosine_logits(pictures, texts, scale))


@both
def test_half_the_precision_gives_nearly_the_same(sizes: ClipSizes) -> None:
    clip = network(sizes).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        near = clip(images(), TOKENS)
    assert near.dtype == torch.float32
    torch.testing.assert_close(near, clip(images(), TOKENS), atol=0.5, rtol=0)


def test_the_scale_is_limited_without_losing_its_gradient() -> None:
    scale = nn.Parameter(torch.tensor(5.0))
    limit_scale(scale)
    assert scale.exp().item() == pytest.approx(100)
    cosine_logits(torch.eye(2), torch.eye(2), scale).sum().backward()
    assert scale.grad is not None
    assert scale.grad > 0


def test_a_bottleneck_averages_before_it_halves() -> None:
    torch.manual_seed(0)
    block = Bottleneck(8, 2, 2).eval()
    nn.init.zeros_(block.bn3.weight)
    x = torch.randn(1, 8, 6, 6)
    mean = x.unflatten(3, (3, 2)).mean(dim=4).unflatten(2, (3, 2)).mean(dim=3)
    torch.testing.assert_close(block(x), block.downsample(mean).relu())


def test_residual_branches_begin_small_but_not_silent() -> None:
    scales = {module.bn3.weight[0].item() for module in network(RESIDUAL).modules() if isinstance(module, Bottleneck)}
    (scale,) = scales
    assert scale == pytest.approx(BRANCH)


def test_the_attention_pool_is_that_of_pytorch_asked_by_the_mean() -> None:
    torch.manual_seed(0)
    pool, theirs = AttentionPool(6, 16, 4, 16), nn.MultiheadAttention(16, 4, batch_first=True)
    projections = (pool.q_proj, pool.k_proj, pool.v_proj)
    theirs.in_proj_weight.data = torch.cat([layer.weight.data for layer in projections])
    theirs.in_proj_bias.data = torch.cat([layer.bias.data for layer in projections])
    theirs.out_proj.load_state_dict(pool.c_proj.state_dict())
    x = torch.randn(2, 16, 2, 3)
    places = x.flatten(2).transpose(1, 2)
    tokens = torch.cat([places.mean(dim=1, keepdim=True), places], dim=1) + pool.positional_embedding
    torch.testing.assert_close(pool(x), theirs(tokens, tokens, tokens, need_weights=False)[0][:, 0])


def test_positions_keep_their_own_size_and_their_first_row() -> None:
    positions = torch.randn(17, 3)
    assert resized(positions, 16) is positions
    smaller = resized(positions, 4)
    assert smaller.shape == (5, 3)
    assert torch.equal(smaller[0], positions[0])


def test_positions_keep_what_is_constant_and_what_rises_from_top_to_bottom() -> None:
    rows = torch.arange(8.0).repeat_interleave(8)
    positions = torch.stack([torch.full((65,), 2.0), torch.cat([torch.zeros(1), rows])], dim=1)
    smaller = resized(positions, 16)[1:]
    torch.testing.assert_close(smaller[:, 0], torch.full((16,), 2.0))
    grid = smaller[:, 1].view(4, 4)
    torch.testing.assert_close(grid, grid[:, :1].expand(4, 4))
    assert (grid[1:, 0] - grid[:-1, 0]).min() > 1


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (replace(RESIDUAL, embed=0), "embed must be 1 or more, not 0"),
        (replace(RESIDUAL, image=ResNetSizes((1, 1, 0, 1), 4, 64)), "image.layers must be 1 or more"),
        (replace(RESIDUAL, image=ResNetSizes((1, 1, 1, 1), 5, 64)), "image.width must be a positive, even number"),
        (replace(RESIDUAL, image=ResNetSizes((1, 1, 1, 1), 4, 48)), "image.side must be a multiple of 32, not 48"),
        (replace(PATCHES, image=PatchSizes(16, 64, 2, 3, 64)), "image.width must be a multiple of its 3 heads"),
        (replace(PATCHES, image=PatchSizes(16, 64, 2, 1, 60)), "image.side must be a multiple of 16, not 60"),
    ],
)
def test_sizes_without_a_network_are_refused(sizes: ClipSizes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Clip(sizes)
