"""Read pictures: any common file, upright, RGB, eight bits."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from kaoiro.core.errors import InputError

MAX_PIXELS = 178_956_970
"""Largest picture, in pixels (half a gigabyte as RGB, and Pillow's own limit); larger ones are refused as bombs."""

Picture = str | os.PathLike[str] | bytes | Image.Image | np.ndarray


def read(
    source: Picture, name: str | None = None, *, most: int | None = None, formats: tuple[str, ...] | None = None
) -> np.ndarray:
    """Return a picture as upright RGB.

    The first frame of an animation is taken; transparency is laid over white; 16-bit values are
    reduced to their upper eight bits; EXIF orientation is applied to files and PIL images.

    Args:
        source: path, encoded bytes, PIL image, or RGB uint8 array (H, W, 3).
        name: how messages call it.
        most: pixels of the largest picture that is decoded; None takes `MAX_PIXELS`.
        formats: Pillow's names of the formats that are tried; None tries all.

    Returns:
        (H, W, 3) uint8, C-contiguous.

    Raises:
        InputError: cannot be read, is damaged, or is larger than `most`.
    """
    if isinstance(source, np.ndarray):
        return check_array(source)
    label = name or (str(source) if isinstance(source, (str, os.PathLike)) else "picture")
    most = MAX_PIXELS if most is None else most
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(source, label, most, formats)
    except InputError:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        raise InputError(f"{label}: more than {most // 10**6} megapixels; reduce it first") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{label}: not a picture that can be read, or a damaged one") from error
    except OSError as error:
        raise InputError(f"{label}: {_reason(error)}") from error
    except Exception as error:  # Pillow's decoders raise a dozen unrelated classes
        raise InputError(f"{label}: damaged picture ({error})") from error


def _reason(error: OSError) -> str:
    if error.errno is not None:
        return f"cannot be read: {os.strerror(error.errno)}"
    return f"damaged or truncated picture ({error})"


def _decode(source: Any, label: str, most: int, formats: tuple[str, ...] | None) -> np.ndarray:
    if isinstance(source, Image.Image):
        return _upright(source, label, most)
    if isinstance(source, (bytes, bytearray, memoryview)):
        if not len(source):
            raise InputError(f"{label}: empty (zero bytes)")
        source = io.BytesIO(bytes(source))
    elif isinstance(source, (str, os.PathLike)):
        if Path(source).is_dir():
            raise InputError(f"{label}: is a folder; give a picture")
        if Path(source).is_file() and not Path(source).stat().st_size:
            raise InputError(f"{label}: empty (zero bytes)")
    else:
        kind = type(source).__name__
        raise InputError(f"a picture must be a path, bytes, a PIL image or an RGB array, not {kind}")
    with Image.open(source, formats=formats) as image:
        return _upright(image, label, most)


def _upright(image: Image.Image, label: str, most: int) -> np.ndarray:
    if image.width * image.height > most:
        raise Image.DecompressionBombError
    if not image.width * image.height:
        raise InputError(f"{label}: empty (no pixels)")
    image.load()
    turned = ImageOps.exif_transpose(image)
    return np.ascontiguousarray(np.asarray(_to_rgb(turned)))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _reduced(image).convert("RGB")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")


def _reduced(image: Image.Image) -> Image.Image:
    """Reduce 16-bit (and wider) grey to eight bits by scale, not by clipping."""
    values = np.asarray(image).astype(np.float64)
    top = 255.0 if image.mode == "F" and values.max(initial=0) <= 255 else 65535.0
    return Image.fromarray((values.clip(0, top) / top * 255).round().astype(np.uint8))


def check_array(array: np.ndarray) -> np.ndarray:
    """Return an RGB uint8 array (H, W, 3) as it is, or raise InputError saying what is wrong with it."""
    if array.ndim != 3 or array.shape[2] != 3:
        hint = " (grey: repeat it three times; RGBA: drop alpha)" if array.ndim in (2, 3) else ""
        raise InputError(f"an array must be RGB of shape (H, W, 3), not {array.shape}{hint}")
    check_uint8(array)
    if 0 in array.shape:
        raise InputError(f"the array is empty: shape {array.shape}")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise InputError(f"more than {MAX_PIXELS // 10**6} megapixels; reduce it first")
    return np.ascontiguousarray(array)


def check_uint8(array: np.ndarray) -> None:
    """Raise InputError unless an array holds uint8; floats are refused because their scale is a guess."""
    if array.dtype == np.uint8:
        return
    nan = array.dtype.kind == "f" and bool(np.isnan(array).any())
    detail = " with NaN values" if nan else ""
    raise InputError(f"an array must be uint8 (0-255), not {array.dtype}{detail}; convert it explicitly")
