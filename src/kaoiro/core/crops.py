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
CROPS = {crop.name: crop for crop in (FER2013_CROP, INNER_CROP)}
