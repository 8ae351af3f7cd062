from __future__ import annotations

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.metrics import pictures, wrinkles


def noise(count: int = 3, side: int = 24, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3)).astype(np.uint8)


def test_psnr_by_hand():
    truth = np.full((2, 4, 4), 100, np.uint8)
    made = truth.copy()
    made[1] += 5
    found = pictures.psnr(truth, made)
    assert found[0] == pytest.approx(58.92, abs=0.01)
    assert found[1] == pytest.approx(10 * np.log10(255**2 / 25))


def test_ssim_is_the_printed_formula_in_every_window():
    x, y = noise(1, 13)[..., 0].astype(float), noise(1, 13, 1)[..., 0].astype(float)
    y = 0.5 * x + 0.5 * y
    at = np.arange(11) - 5
    window = np.exp(-(at[:, None] ** 2 + at[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    values = []
    for row in range(3):
        for column in range(3):
            a, b = (one[0, row : row + 11, column : column + 11] for one in (x, y))
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            both = (window * (a - mean_a) * (b - mean_b)).sum()
            first, second = 6.5025, 58.5225
            above = (2 * mean_a * mean_b + first) * (2 * both + second)
            values.append(above / ((mean_a**2 + mean_b**2 + first) * (var_a + var_b + second)))
    assert pictures.ssim(x, y)[0] == pytest.approx(np.mean(values))


def test_ssim_of_equal_pictures_is_one_and_of_a_negative_below_zero():
    truth = noise()
    assert pictures.ssim(truth, truth) == pytest.approx(np.ones(3))
    assert (pictures.ssim(truth, 255 - truth) < 0).all()


def test_laplacian_energy_by_hand_and_of_blur():
    spot = np.zeros((1, 5, 5))
    spot[0, 2, 2] = 1
    assert pictures.laplacian_energy(spot)[0] == pytest.approx((16 + 4) / 9)
    truth = noise()
    blurred = truth.astype(float) - pictures.fine(truth)[..., None]
    assert (pictures.laplacian_energy(blurred) < 0.5 * pictures.laplacian_energy(truth)).all()
    ramp = np.tile(np.arange(12.0), (1, 12, 1))
    assert pictures.laplacian_energy(ramp)[0] == 0


def test_fine_structure_is_what_blur_takes_away():
    lines = np.tile([0.0, 200.0], 32)[None, None].repeat(64, axis=1)
    wave = 100 + 80 * np.sin(np.arange(64) / 64 * 2 * np.pi)[None, None].repeat(64, axis=1)
    inside = np.zeros((1, 64, 64), bool)
    inside[:, 10:-10, 10:-10] = True
    assert pictures.energy_within(pictures.fine(lines), inside)[0] == pytest.approx(100**2, rel=0.05)
    assert pictures.energy_within(pictures.fine(wave), inside)[0] < 5


def test_energy_and_correlation_look_at_the_mask_alone():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 8, 8))
    masks = np.zeros((3, 8, 8), bool)
    masks[:2, :4] = True
    other = values.copy()
    other[:, 4:] = 99
    assert pictures.energy_within(values, masks)[0] == pytest.approx((values[0, :4] ** 2).mean())
    assert pictures.correlation_within(values, other * 3 + 1, masks)[:2] == pytest.approx(np.ones(2))
    assert pictures.correlation_within(values, -other, masks)[0] == pytest.approx(-1)
    assert pictures.correlation_within(values, np.ones_like(values), masks)[0] == 0
    assert np.isnan(pictures.correlation_within(np.ones_like(values), values, masks)[0])
    assert np.isnan(pictures.energy_within(values, masks)[2])
    assert np.isnan(pictures.correlation_within(values, other, masks)[2])


def test_pictures_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="cannot compare"):
        pictures.psnr(noise(2), noise(3))
    with pytest.raises(InputError, match="11 pixels or more"):
        pictures.ssim(noise(side=10), noise(side=10))
    with pytest.raises(InputError, match="not "):
        pictures.luma(np.zeros((2, 3)))


def frontal(scale: float = 0.11, right: float = 0.0) -> np.ndarray:
    """Landmarks of the mean head in a crop: eyes above the middle."""
    result = np.zeros((1, 68, 2), np.float32)
    for row, (x, y) in wrinkles._STEADY.items():
        result[0, row] = right + x * scale, -(y - 1.8) * scale
    return result


def test_regions_lie_where_faces_wrinkle():
    found = wrinkles.regions(frontal(), 64)
    assert set(found) == set(wrinkles.REGIONS)
    centre = {name: np.argwhere(mask[0]).mean(axis=0) for name, mask in found.items()}
    assert centre["forehead"][0] < centre["glabella"][0] < centre["nose bridge"][0] < centre["nasolabial folds"][0]
    assert all(mask[0].sum() > 8 for mask in found.values())
    assert all((mask == mask[:, :, ::-1]).all() for mask in found.values())
    folds, middle = found["nasolabial folds"][0], slice(28, 36)
    assert not folds[:, middle].any() and not found["crow's feet"][0][:, 16:48].any()


def test_regions_move_with_the_face():
    still, moved = (wrinkles.regions(frontal(right=k), 64)["glabella"][0] for k in (0.0, 0.25))
    assert (np.roll(still, 8, axis=1) == moved).all()
    small = wrinkles.regions(frontal(0.055), 64)["forehead"][0].sum()
    assert small == pytest.approx(wrinkles.regions(frontal(), 64)["forehead"][0].sum() / 4, rel=0.25)


def test_other_landmarks_are_refused():
    with pytest.raises(InputError, match="68"):
        wrinkles.regions(np.zeros((2, 5, 2)), 64)
    assert wrinkles.regions(np.zeros((0, 68, 2)), 8)["glabella"].shape == (0, 8, 8)
