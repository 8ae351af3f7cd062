"""Settings of the augmentation, without PyTorch so that recipes can be read anywhere."""

from __future__ import annotations

from dataclasses import dataclass

from kaoiro.core.checks import not_negative, share


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the augmentation; probabilities are per image.

    Attributes:
        flip: probability of mirroring.
        rotation: standard deviation, degrees.
        shift: standard deviation, in units of the crop's side.
        scale: standard deviation of the logarithm of the zoom.
        light: half-width of gain (×) and offset (+); gamma spans exp(±2·light).
        blur: probability of a Gaussian blur with sigma 0.3–1.1 pixels.
        low_resolution: probability of shrinking to 3/8–7/8 of the side and back.
        jpeg: probability of JPEG at quality 20–90.
        noise: largest standard deviation of sensor noise.
        erase: probability of a grey rectangle over 2–20 % of the crop.
    """

    flip: float = 0.5
    rotation: float = 7.0
    shift: float = 0.05
    scale: float = 0.08
    light: float = 0.2
    blur: float = 0.1
    low_resolution: float = 0.1
    jpeg: float = 0.1
    noise: float = 0.02
    erase: float = 0.3

    def check(self, section: str = "data") -> None:
        """Refuse what is no probability or no range.

        Args:
            section: of the recipe that holds these settings.

        Raises:
            InputError: names the first of them.
        """
        for name in ("flip", "blur", "low_resolution", "jpeg", "erase"):
            share(f"{section}.augmentation.{name}", getattr(self, name))
        for name in ("rotation", "shift", "scale", "light", "noise"):
            not_negative(f"{section}.augmentation.{name}", getattr(self, name))
