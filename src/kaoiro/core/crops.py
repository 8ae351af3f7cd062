"""Where faces lie in the crops that models learned from."""

from __future__ import annotations

from kaoiro.core.spec import CropGeometry

FER2013_CROP = CropGeometry(
    name="fer2013",
    points=((0.3125, 0.407), (0.6875, 0.407), (0.5, 0.606), (0.3505, 0.7535), (0.6495, 0.7535)),
    box=(0.093, 0.059, 0.814, 0.92),
)
"""Where faces lie in FER2013 images: medians of `kaoiro evaluate crop` (docs/results/crop.md), made symmetrical
because training mirrors half of the images."""
