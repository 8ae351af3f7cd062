from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from kaoiro.core.errors import InputError
from kaoiro.faces import photo

TURNS = {  # what a camera stores, so that the orientation brings it back upright
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda upright: np.rot90(upright, -1),
}


def pattern(width: int = 48, height: int = 32) -> np.ndarray:
    """Draw four colours that differ in each corner, softly enough for lossy formats."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 40 + 170 * x / width, 40 + 170 * y / height
    return np.stack([red, green, 250 - red], axis=2).round().astype(np.uint8)


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 12),
        ("JPEG", {"quality": 97, "subsampling": 0}, 8),
        ("JPEG", {"quality": 97, "subsampling": 0, "progressive": True}, 8),
        ("GIF", {}, 40),
    ],
)
def test_common_formats_become_rgb(kind: str, options: dict[str, Any], tolerance: int) -> None:
    pixels = photo.read(encode(Image.fromarray(pattern()), kind, **options))
    assert (pixels.shape, pixels.dtype, pixels.flags.c_contiguous) == ((32, 48, 3), np.uint8, True)
    assert np.abs(pixels.astype(int) - pattern()).max() <= tolerance


def test_a_cmyk_jpeg_becomes_rgb() -> None:
    data = encode(Image.fromarray(pattern()).convert("CMYK"), "JPEG", quality=97)
    assert Image.open(io.BytesIO(data)).mode == "CMYK"
    assert np.abs(photo.read(data).astype(int) - pattern()).mean() < 6


def test_transparency_is_laid_over_white() -> None:
    layer = np.dstack([pattern(), np.full((32, 48), 255, np.uint8)])
    layer[:, :24, 3] = 0
    layer[:, 24:30, 3] = 128
    pixels = photo.read(encode(Image.fromarray(layer), "PNG"))
    assert (pixels[:, :24] == 255).all()
    assert np.abs(pixels[:, 24:30] - (127 + pattern()[:, 24:30] / 2)).max() <= 2
    assert np.array_equal(pixels[:, 30:], pattern()[:, 30:])


def test_grey_with_alpha_is_laid_over_white() -> None:
    grey = Image.merge("LA", (Image.new("L", (2, 1), 60), Image.frombytes("L", (2, 1), bytes([0, 255]))))
    assert photo.read(encode(grey, "PNG")).tolist() == [[[255] * 3, [60] * 3]]


def palette() -> Image.Image:
    image = Image.new("P", (3, 1))
    image.putpalette([10, 20, 30, 200, 100, 50, 0, 0, 255])
    image.putdata([0, 1, 2])
    return image


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_is_looked_up(kind: str) -> None:
    assert photo.read(encode(palette(), kind)).tolist() == [[[10, 20, 30], [200, 100, 50], [0, 0, 255]]]


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_entry_becomes_white(kind: str) -> None:
    data = encode(palette(), kind, transparency=1)
    assert photo.read(data).tolist() == [[[10, 20, 30], [255, 255, 255], [0, 0, 255]]]


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    deep = np.linspace(0, 65535, 64).astype(np.uint16).reshape(1, 64)
    data = encode(Image.fromarray(deep), "PNG")
    assert Image.open(io.BytesIO(data)).mode.startswith("I")
    pixels = photo.read(data)
    assert np.abs(pixels[0, :, 0] - deep[0] / 257).max() <= 0.5
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


def test_grey_is_repeated() -> None:
    grey = pattern()[:, :, 0]
    assert np.array_equal(photo.read(encode(Image.fromarray(grey), "PNG")), np.dstack([grey] * 3))


def test_black_and_white_uses_the_whole_range() -> None:
    image = Image.frombytes("1", (2, 1), bytes([0b01000000]))
    assert photo.read(encode(image, "PNG")).tolist() == [[[0] * 3, [255] * 3]]


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (photo.read(data) == (255, 0, 0)).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", TURNS)
def test_every_orientation_of_a_camera_is_brought_upright(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(TURNS[orientation](pattern())))
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 97, "subsampling": 0}}.get(kind, {})
    pixels = photo.read(encode(stored, kind, exif=exif, **options))
    assert pixels.shape == (32, 48, 3)
    assert np.abs(pixels.astype(int) - pattern()).max() <= (8 if kind == "JPEG" else 0)


def as_path(data: bytes, folder: Path) -> Path:
    path = folder / "größe 写真.png"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "form",
    [
        as_path,
        lambda data, folder: str(as_path(data, folder)),
        lambda data, folder: data,
        lambda data, folder: bytearray(data),
        lambda data, folder: memoryview(data),
        lambda data, folder: Image.open(io.BytesIO(data)),
        lambda data, folder: pattern(),
        lambda data, folder: np.asfortranarray(pattern()),
    ],
    ids=["path", "text", "bytes", "bytearray", "memoryview", "image", "array", "fortran"],
)
def test_every_form_of_a_picture_gives_the_same_pixels(form: Callable[[bytes, Path], Any], tmp_path: Path) -> None:
    pixels = photo.read(form(encode(Image.fromarray(pattern()), "PNG"), tmp_path))
    assert np.array_equal(pixels, pattern())
    assert pixels.flags.c_contiguous


def truncated(kind: str) -> bytes:
    if kind == "AVIF" and not features.check("avif"):
        return b"\0\0\0 ftypavif\0\0\0\0avifmif1"  # an older Pillow does not know the format either way
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encode(Image.fromarray(noise), kind)
    return data[: len(data) // 2]


def refused(source: Any) -> str:
    with pytest.raises(InputError) as caught:
        photo.read(source)
    message = str(caught.value)
    assert message.strip()
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"this is not a picture", "not a picture"),
        (b"", "zero bytes"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (truncated("JPEG"), "truncated"),
        (truncated("PNG"), "truncated"),
        (truncated("WEBP"), "picture"),
        (truncated("AVIF"), "damaged"),
        (encode(Image.fromarray(pattern()), "BMP")[:60], "picture"),
    ],
    ids=["text", "empty", "header", "jpeg", "png", "webp", "avif", "bmp"],
)
@pytest.mark.parametrize("on_disk", [True, False], ids=["file", "bytes"])
def test_what_is_no_whole_picture_is_refused(data: bytes, reason: str, on_disk: bool, tmp_path: Path) -> None:
    path = tmp_path / "bad.jpg"
    path.write_bytes(data)
    message = refused(path if on_disk else data)
    assert reason in message
    assert message.startswith(str(path) if on_disk else "picture: ")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "is a folder" in refused(tmp_path)


def test_a_missing_file_is_refused_with_its_name(tmp_path: Path) -> None:
    assert refused(tmp_path / "nosuch.jpg") == f"{tmp_path / 'nosuch.jpg'}: cannot be read: No such file or directory"


def test_messages_call_a_picture_by_the_name_given() -> None:
    with pytest.raises(InputError, match=r"^archive\.zip/a\.jpg: "):
        photo.read(b"nothing", "archive.zip/a.jpg")


@pytest.mark.parametrize(
    "form",
    [
        lambda pixels: encode(Image.fromarray(pixels), "PNG"),
        Image.fromarray,
        lambda pixels: pixels,
    ],
    ids=["file", "image", "array"],
)
def test_a_picture_above_the_limit_is_refused(form: Callable[[np.ndarray], Any], monkeypatch) -> None:
    source = form(pattern())
    monkeypatch.setattr(photo, "MAX_PIXELS", 32 * 48)
    assert photo.read(source).shape == (32, 48, 3)
    monkeypatch.setattr(photo, "MAX_PIXELS", 32 * 48 - 1)
    assert "megapixels" in refused(source)


def test_a_bomb_of_a_few_bytes_is_refused_before_it_is_unpacked() -> None:
    side = 20_000
    assert side * side > photo.MAX_PIXELS
    small = encode(Image.new("1", (side, 8)), "PNG")
    header = small[12:20] + side.to_bytes(4, "big") + small[24:29]
    bomb = small[:12] + header + zlib.crc32(header).to_bytes(4, "big") + small[33:]
    assert len(bomb) < 10_000
    assert "178 megapixels" in refused(bomb)


def test_a_picture_of_one_pixel_works_and_has_no_face(analyzer) -> None:
    data = encode(Image.new("RGB", (1, 1), "red"), "PNG")
    assert photo.read(data).tolist() == [[[255, 0, 0]]]
    result = analyzer.image(data)
    assert (len(result), len(list(result.rows()))) == (0, 1)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (pattern().astype(np.float32) / 255, "uint8.*float32"),
        (np.full((8, 8, 3), np.nan), "NaN"),
        (pattern().astype(np.uint16), "uint8.*uint16"),
        (pattern()[:, :, 0], "RGB.*grey"),
        (pattern()[:, :, :2], "RGB"),
        (np.dstack([pattern(), pattern()[:, :, :1]]), "drop alpha"),
        (np.empty((0, 8, 3), np.uint8), "empty"),
        (np.empty((8, 0, 3), np.uint8), "empty"),
        (np.empty((0,), np.uint8), "RGB of shape"),
        (Image.new("RGB", (0, 5)), "empty"),
        (None, "not NoneType"),
        (5, "not int"),
        ([[1, 2], [3, 4]], "not list"),
    ],
)
def test_what_is_no_rgb_picture_is_refused(source: Any, reason: str) -> None:
    assert re.search(reason, refused(source))
