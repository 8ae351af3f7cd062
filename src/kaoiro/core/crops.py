"""Where faces lie in the crops that models learned from."""

from __future__ import annotations

from kaoiro.core.spec import CropGeometry, Point

FER2013_CROP = CropGeometry(
    name="fer2013",
    points=((0.3125, 0.407), (0.6875, 0.407), (0.5, 0.606), (0.3505, 0.7535), (0.6495, 0.7535)),
    box=(0.093, 0.059, 0.814, 0.92),
)
"""Where faces lie in FER2013 images: medians of `kaoiro evaluate crop` (docs/results/crop.md), made symmetrical
because training mirrors half of the images."""


def _closer(crop: CropGeometry, zoom: float, height: float, name: str) -> CropGeometry:
    """Return a crop whose picture is enlarged `zoom` times around a point `height` below the upper edge, centred."""

    def moved(x: float, y: float) -> Point:
        return 0.5 + (x - 0.5) * zoom, 0.5 + (y - height) * zoom

    left, top, width, tall = crop.box
    first, second, third, fourth, fifth = (moved(*point) for point in crop.points)
    box = (*moved(left, top), width * zoom, tall * zoom)
    return CropGeometry(name=name, points=(first, second, third, fourth, fifth), box=box)


INNER_CROP = _closer(FER2013_CROP, 1.45, 0.57, "inner")
"""Brows to chin and no more: hair and background, which say nothing about expression, stay outside. For codes that are
learned without labels, which would hold them."""
WIDE_CROP = _closer(FER2013_CROP, 0.75, 0.5, "wide")
"""The whole head, as networks know it that learned from any photographs."""
E_CROP = CropGeometry(
    name="e-crop",
    points=((0.3405, 0.3994), (0.6595, 0.3994), (0.5, 0.5829), (0.3663, 0.7226), (0.6337, 0.7226)),
    box=(0.1547, 0.037, 0.6905, 0.9232),
)
"""The crop of Ng et al. (ICMI 2015), in outer-eye-corner distances e: sides 0.62 outside of the corners, top 0.9 above
and bottom 1.35 below the line through them.

That is 2.24 e wide and 2.25 e high; the crop is a square of 2.25 e in the middle of it. Where our five points lie
relative to the corners: means, made symmetrical, of what the detector finds on 102 neutral portraits of the London set,
whose corners are annotated, at 128, 160, 256 and 320 pixels (408 detections; box: the same ones).

Distance of the eye centres over that of the outer corners, mean ± standard deviation over faces:

* London, annotated pupils 0.715 ± 0.018, midpoints of inner and outer corners 0.693 ± 0.012;
* London, detected 0.718 ± 0.031 (as above); 0.77 at 512 pixels, 0.74 at 1024;
* ICT head, 68 landmarks of 500 drawn heads: midpoints of the corners 0.706 ± 0.015, means of the six points of a lid
  0.730 ± 0.013; detected on 40 rendered heads 0.655 ± 0.034.

So a crop is right to about four percent of its size, which is what the detector errs from size to size.
"""
CROPS = {crop.name: crop for crop in (FER2013_CROP, INNER_CROP)}
