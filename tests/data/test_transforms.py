from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from kaoiro.data import transforms
from kaoiro.data.augmentation import Augmentation
from kaoiro.data.datasets import drawn
from kaoiro.data.transforms import Draw, augment, blur, compress, erase, lower_resolution, relight, sample, warp, window

IDENTITY = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]])
NOTHING = Augmentation(
    flip=0, rotation=0, shift=0, scale=0, light=0, blur=0, low_resolution=0, jpeg=0, noise=0, erase=0
)
EVERYTHING = Augmentation(flip=0.5, blur=1, low_resolution=1, jpeg=1, noise=0.1, erase=1, light=0.5)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.from_numpy(drawn.faces(8, seed=0).pixels)[:, None].float() / 255


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn_for(config: Augmentation, count: int = 4000, seed: int = 0) -> Draw:
    return sample(config, torch.Size((count, 1, 2, 2)), generator(seed))


def values(draw: Draw) -> list[Tensor]:
    return [getattr(draw, field.name) for field in fields(draw)]


def only(**changes: float) -> Augmentation:
    return replace(NOTHING, **changes)


def test_the_same_seed_draws_the_same_numbers_and_another_seed_others(images: Tensor) -> None:
    first, again, other = (sample(EVERYTHING, images.shape, generator(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(values(first), values(again), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(values(first), values(other), strict=True))


def test_applying_a_draw_is_deterministic_and_touches_neither_images_nor_random_numbers(images: Tensor) -> None:
    draw, before = sample(EVERYTHING, images.shape, generator()), images.clone()
    torch.manual_seed(5)
    state = torch.get_rng_state()
    assert torch.equal(augment(images, draw), augment(images, draw))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(images, before)


def test_pixels_keep_their_precision_where_the_network_has_half_of_it(images: Tensor) -> None:
    draw = sample(EVERYTHING, images.shape, generator())
    expected = augment(images, draw)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(augment(images, draw), expected)


def test_sampling_uses_its_own_generator_alone() -> None:
    state = torch.get_rng_state()
    drawn_for(EVERYTHING, 10)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("seed", range(3))
def test_shape_type_and_range_are_kept(images: Tensor, seed: int) -> None:
    result = augment(images, sample(EVERYTHING, images.shape, generator(seed)))
    assert (result.shape, result.dtype) == (images.shape, torch.float32)
    assert 0 <= result.min() <= result.max() <= 1
    assert (result - images).abs().amax(dim=(1, 2, 3)).min() > 0.01


def test_the_default_leaves_the_training_size_and_range(images: Tensor) -> None:
    result = augment(images, sample(Augmentation(), images.shape, generator()))
    assert result.shape == images.shape
    assert 0 <= result.min() <= result.max() <= 1


def test_with_all_ranges_at_0_nothing_changes(images: Tensor) -> None:
    result = augment(images, sample(NOTHING, images.shape, generator()))
    torch.testing.assert_close(result, images, atol=2e-4, rtol=0)


def test_each_image_of_a_batch_is_changed_by_its_own_numbers(images: Tensor) -> None:
    draw = sample(EVERYTHING, images.shape, generator())
    together = augment(images, draw)
    for row in range(len(images)):
        own = Draw(**{field.name: getattr(draw, field.name)[row : row + 1] for field in fields(draw)})
        torch.testing.assert_close(augment(images[row : row + 1], own), together[row : row + 1], atol=1e-5, rtol=0)


def test_mirroring_exchanges_left_and_right_and_does_nothing_else(images: Tensor) -> None:
    draw = sample(only(flip=1), images.shape, generator())
    torch.testing.assert_close(augment(images, draw), images.flip(3), atol=2e-4, rtol=0)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_images_are_mirrored_as_often_as_asked(share: float) -> None:
    affine = drawn_for(only(flip=share)).affine
    assert (affine[:, 0, 0] < 0).float().mean() == pytest.approx(share, abs=0.03)
    assert (affine[:, 1, 1] > 0).all()


def test_angles_zooms_and_shifts_spread_as_asked() -> None:
    affine = drawn_for(only(rotation=10, scale=0.1, shift=0.05), 20_000).affine
    angle = torch.rad2deg(torch.atan2(affine[:, 1, 0], affine[:, 1, 1]))
    zoom = torch.log(torch.hypot(affine[:, 1, 0], affine[:, 1, 1]))
    shifts = affine[:, :, 2] / 2
    for drawn_values, spread in ((angle, 10), (zoom, 0.1), (shifts[:, 0], 0.05), (shifts[:, 1], 0.05)):
        assert drawn_values.mean().item() == pytest.approx(0, abs=0.03 * spread)
        assert drawn_values.std().item() == pytest.approx(spread, rel=0.05)
        assert drawn_values.abs().max() <= 2.5 * spread * 1.001


def test_rotation_and_zoom_keep_shapes_mirrored_or_not() -> None:
    """The first two columns stay orthogonal and equally long: a similarity, whatever the mirror."""
    affine = drawn_for(only(flip=0.5, rotation=20, scale=0.2)).affine[:, :, :2]
    gram = affine.transpose(1, 2) @ affine
    torch.testing.assert_close(gram[:, 0, 1], torch.zeros(len(gram)), atol=1e-5, rtol=0)
    torch.testing.assert_close(gram[:, 0, 0], gram[:, 1, 1])


def test_probabilities_and_ranges_of_the_optics() -> None:
    draw = drawn_for(replace(NOTHING, blur=0.3, low_resolution=0.2, jpeg=0.1, erase=0.4))
    for numbers, share, low, high in (
        (draw.blur_sigma, 0.3, 0.3, 1.1),
        (draw.low_size, 0.2, 0.375, 0.875),
        (draw.jpeg_quality, 0.1, 20, 90),
        (draw.erase_box[:, 2], 0.4, 0.05, 0.9),
    ):
        on = numbers[numbers > 0]
        assert len(on) / len(numbers) == pytest.approx(share, abs=0.03)
        assert low <= on.min() <= on.max() <= high


def test_light_and_noise_stay_within_their_widths() -> None:
    draw = drawn_for(replace(NOTHING, light=0.2, noise=0.05))
    assert 0.8 <= draw.gain.min() < 0.82 < 1.18 < draw.gain.max() <= 1.2
    assert -0.1 <= draw.offset.min() < 0 < draw.offset.max() <= 0.1
    assert math.exp(-0.4) <= draw.gamma.min() < 1 < draw.gamma.max() <= math.exp(0.4)
    many = sample(only(noise=0.05), torch.Size((50, 1, 48, 48)), generator()).noise
    assert many.std(dim=(1, 2, 3)).max() <= 0.052
    assert many.mean().item() == pytest.approx(0, abs=1e-3)


def test_covers_lie_inside_the_image_with_areas_of_2_to_20_percent() -> None:
    left, top, width, height = drawn_for(only(erase=1)).erase_box.unbind(1)
    assert min(left.min(), top.min()) >= 0
    assert max((left + width).max(), (top + height).max()) <= 1
    assert 0.019 <= (width * height).min() < 0.03 < 0.18 < (width * height).max() <= 0.2001


def test_warping_by_the_identity_changes_nothing(images: Tensor) -> None:
    torch.testing.assert_close(warp(images, IDENTITY.expand(8, 2, 3)), images, atol=1e-5, rtol=0)


def test_a_shift_of_one_pixel_moves_the_image_by_one_pixel(images: Tensor) -> None:
    matrix = IDENTITY.clone()
    matrix[0, 0, 2] = 2 / 48
    torch.testing.assert_close(warp(images, matrix.expand(8, 2, 3))[..., :-1], images[..., 1:], atol=1e-4, rtol=0)


def test_a_quarter_turn_turns_the_image_about_its_centre(images: Tensor) -> None:
    matrix = torch.tensor([[[0.0, -1, 0], [1, 0, 0]]]).expand(8, 2, 3)
    torch.testing.assert_close(warp(images, matrix), images.rot90(1, dims=(2, 3)), atol=1e-4, rtol=0)


def test_the_border_is_reflected_not_black() -> None:
    matrix = torch.tensor([[[1.5, 0, 0.3], [0, 1.5, 0]]])
    assert warp(torch.full((1, 1, 48, 48), 0.7), matrix).min().item() == pytest.approx(0.7, abs=1e-5)


def test_light_follows_gamma_then_contrast_then_brightness() -> None:
    grey = torch.full((2, 1, 4, 4), 0.64)
    result = relight(grey, torch.tensor([1.0, 1.2]), torch.tensor([0.1, -0.05]), torch.tensor([1.0, 0.5]))
    assert result[0, 0, 0, 0].item() == pytest.approx(0.74)
    assert result[1, 0, 0, 0].item() == pytest.approx((0.8 - 0.5) * 1.2 + 0.5 - 0.05)


def test_light_is_clipped_to_black_and_white() -> None:
    steps = torch.linspace(0, 1, 16).reshape(1, 1, 4, 4)
    result = relight(steps, torch.tensor([3.0]), torch.tensor([0.0]), torch.tensor([1.0]))
    assert (result.min(), result.max()) == (0, 1)
    assert (result.flatten().diff() >= 0).all()


@pytest.mark.parametrize("sigma", [0.3, 0.8, 1.1])
def test_blur_agrees_with_scipy(images: Tensor, sigma: float) -> None:
    result = blur(images, torch.full((8,), sigma))
    expected = gaussian_filter(images.numpy()[0, 0].astype(np.float64), sigma, mode="mirror", radius=4)
    np.testing.assert_allclose(result[0, 0].numpy(), expected, atol=1e-5)


def test_blur_of_each_image_has_its_own_width(images: Tensor) -> None:
    sigmas = torch.tensor([0, 0.5, 0, 1.0, 0, 0, 0.7, 0])
    result = blur(images, sigmas)
    for row, sigma in enumerate(sigmas.tolist()):
        torch.testing.assert_close(result[row : row + 1], blur(images[row : row + 1], torch.tensor([sigma])))
    assert torch.equal(result[sigmas == 0], images[sigmas == 0])
    assert all(float((result[row] - images[row]).abs().max()) > 0.01 for row in (1, 3, 6))


def test_a_lower_resolution_loses_detail_and_keeps_the_mean(images: Tensor) -> None:
    same = images[:1].expand(4, 1, 48, 48)
    result = lower_resolution(same, torch.tensor([0, 0.75, 0.5, 0.375]))
    lost = (result - same).square().mean(dim=(1, 2, 3))
    assert lost[0] == 0
    assert 0 < lost[1] < lost[2] < lost[3]
    torch.testing.assert_close(result.mean(dim=(1, 2, 3)), same.mean(dim=(1, 2, 3)), atol=0.01, rtol=0)


def test_half_a_resolution_cannot_tell_single_lines() -> None:
    lines = (torch.arange(48) % 2).float().expand(1, 1, 48, 48)
    result = lower_resolution(lines, torch.tensor([0.5]))
    assert result[..., 4:-4].std() < 0.1


def test_jpeg_loses_more_at_a_lower_quality_and_leaves_the_others(images: Tensor) -> None:
    same = images[:1].expand(4, 1, 48, 48)
    lost = (compress(same, torch.tensor([0.0, 90, 50, 20])) - same).square().mean(dim=(1, 2, 3))
    assert lost[0] == 0
    assert 0 < lost[1] < lost[2] < lost[3] < 0.01


def test_a_cover_has_the_images_mean_grey_and_hides_exactly_its_box(images: Tensor) -> None:
    boxes = torch.zeros(8, 4)
    boxes[2] = torch.tensor([0.25, 0.5, 0.5, 0.25])
    result = erase(images, boxes)
    covered = torch.zeros(48, 48, dtype=torch.bool)
    covered[24:36, 12:36] = True
    torch.testing.assert_close(result[2, 0][covered], images[2].mean().expand(12 * 24))
    assert torch.equal(result[2, 0][~covered], images[2, 0][~covered])
    others = torch.arange(8) != 2
    assert torch.equal(result[others], images[others])


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_flat_images_give_no_nan(level: float) -> None:
    flat = torch.full((4, 1, 48, 48), level)
    assert torch.isfinite(augment(flat, sample(EVERYTHING, flat.shape, generator()))).all()


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"flip": 1.0}, "warp"),
        ({"rotation": 30.0}, "warp"),
        ({"shift": 0.2}, "warp"),
        ({"scale": 0.3}, "warp"),
        ({"light": 0.4}, "relight"),
        ({"blur": 1.0}, "blur"),
        ({"low_resolution": 1.0}, "lower_resolution"),
        ({"jpeg": 1.0}, "compress"),
        ({"erase": 1.0}, "erase"),
    ],
)
def test_a_setting_changes_images_through_its_own_step_alone(
    images: Tensor, monkeypatch: pytest.MonkeyPatch, change: dict[str, float], step: str
) -> None:
    draw = sample(only(**change), images.shape, generator())
    assert (augment(images, draw) - images).abs().max() > 0.02
    monkeypatch.setattr(transforms, step, lambda given, *_: given)
    torch.testing.assert_close(augment(images, draw), images, atol=1e-3, rtol=0)


def test_windows_are_cut_where_they_are_asked_for() -> None:
    """Pixels are 10 times the row plus the column, and 100 more in the second image."""
    rows, columns = torch.meshgrid(torch.arange(5.0), torch.arange(5.0), indexing="ij")
    images = torch.stack([10 * rows + columns, 100 + 10 * rows + columns])[:, None]
    found = window(images, torch.tensor([[1, 2], [3, 0]]), 2)
    assert found.tolist() == [[[[21, 22], [31, 32]]], [[[103, 104], [113, 114]]]]
    colours = window(images.expand(-1, 3, -1, -1), torch.tensor([[0, 0], [0, 0]]), 5)
    assert torch.equal(colours, images.expand(-1, 3, -1, -1))
