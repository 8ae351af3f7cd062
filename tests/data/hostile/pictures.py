"""Pictures that a service should survive: damaged in every format, small to send and large to open, disguised."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

from PIL import Image

Named = tuple[str, bytes]
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")


def encoded(picture: Image.Image, form: str) -> bytes:
    """Return a picture as a file."""
    target = io.BytesIO()
    picture.save(target, form)
    return target.getvalue()


def damaged(picture: Image.Image, chance: random.Random, each: int = 160) -> list[Named]:
    """Cut a picture off and turn its bits, at places all over the file, in every format; shuffled."""
    made: list[Named] = []
    for form in FORMATS:
        data = encoded(picture, form)
        made += [(f"{form} cut at {end}", data[:end]) for end in _places(len(data), each)]
        for place in _places(len(data), each):
            bit = chance.randrange(8)
            made.append((f"{form} byte {place} bit {bit}", flipped(data, place, bit)))
        for place in range(min(64, len(data))):  # the head, byte by byte
            made.append((f"{form} byte {place} all bits", data[:place] + b"\xff" + data[place + 1 :]))
    chance.shuffle(made)
    return made


def _places(length: int, count: int) -> range:
    return range(0, length, max(1, length // count))


def flipped(data: bytes, place: int, bit: int) -> bytes:
    """Return data with one bit turned."""
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def png(width: int, height: int, rows: bytes, *, more: bytes = b"") -> bytes:
    """Write a grey PNG by hand, whose header need not be true."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + more + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _zeros(count: int) -> bytes:
    """Compress many zeros without holding them."""
    squeezer, block = zlib.compressobj(9), bytes(1 << 20)
    parts = [squeezer.compress(block) for _ in range(count >> 20)]
    return b"".join(parts) + squeezer.compress(bytes(count % (1 << 20))) + squeezer.flush()


def bombs(good: bytes) -> Iterator[Named]:
    """Yield pictures that are small to send and large to open."""
    yield "PNG that claims 60000x60000", png(60_000, 60_000, zlib.compress(bytes(1000)))
    yield "PNG that claims 2^31-1 squared", png(2**31 - 1, 2**31 - 1, zlib.compress(b""))
    yield "PNG that claims 0x0", png(0, 0, zlib.compress(b""))
    yield "PNG of 20000x20000, compressed", png(20_000, 20_000, _zeros(20_001 * 20_000))
    yield "PNG of 1x3000000", png(1, 3_000_000, _zeros(2 * 3_000_000))
    yield "PNG with a text of 200 MB", png(64, 64, _zeros(65 * 64), more=_chunk(b"zTXt", b"a\0\0" + _zeros(200 << 20)))
    yield (
        "PNG with a profile of 200 MB",
        png(64, 64, _zeros(65 * 64), more=_chunk(b"iCCP", b"a\0\0" + _zeros(200 << 20))),
    )
    yield "PNG with 50000 chunks", png(64, 64, _zeros(65 * 64), more=_chunk(b"tEXt", b"a\0b") * 50_000)
    yield "JPEG that claims 65500x65500", _claiming(good, 65_500, 65_500)
    yield "JPEG that claims 65500x1", _claiming(good, 1, 65_500)
    yield "GIF of 5000 frames", _long_gif(5000)
    yield (
        "GIF that claims 65535x65535",
        b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + b",\0\0\0\0\1\0\1\0\0\2\2D\1\0;",
    )
    yield "BMP that claims 60000x60000", _bmp(60_000, 60_000, 24)
    yield "BMP that claims a negative size", _bmp(-100, -2_147_483_648, 24)
    yield "BMP run-length coded, 30000x30000", _bmp(30_000, 30_000, 8, compression=1)
    yield "WEBP that claims 16384x16384", _webp(16_384, 16_384)
    yield "JPEG with 250 EXIF blocks", good[:2] + _exif(bytes(65_000)) * 250 + good[2:]
    yield "JPEG with EXIF that points at itself", good[:2] + _exif(_circle()) + good[2:]
    for turn in (0, 9, 255, 65_535):
        yield f"JPEG with orientation {turn}", good[:2] + _exif(_orientation(turn)) + good[2:]


def _claiming(jpeg: bytes, width: int, height: int) -> bytes:
    place = next(at for kind in (b"\xff\xc0", b"\xff\xc2") if (at := jpeg.find(kind)) > 0)
    return jpeg[: place + 5] + struct.pack(">HH", height, width) + jpeg[place + 9 :]


def _long_gif(count: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return head + (b"!\xf9\4\0\1\0\0\0," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2D\1\0") * count + b";"


def _bmp(width: int, height: int, bits: int, compression: int = 0) -> bytes:
    body = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, 256 * (bits == 8), 0)
    table = bytes(1024) if bits == 8 else b""
    pixels = b"\xff\1" * 5000 + b"\0\1"
    return b"BM" + struct.pack("<IHHI", 54 + len(table) + len(pixels), 0, 0, 54 + len(table)) + body + table + pixels


def _webp(width: int, height: int) -> bytes:
    bits = (width - 1) | (height - 1) << 14
    body = b"VP8L" + struct.pack("<I", 64) + b"\x2f" + struct.pack("<I", bits) + bytes(59)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _exif(content: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(content) + 8) + b"Exif\0\0" + content


def _circle() -> bytes:
    return b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x8769, 4, 1, 8, 8)


def _orientation(value: int) -> bytes:
    return b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, value, 0, 0)


def disguises(good: bytes, picture: Image.Image) -> Iterator[Named]:
    """Yield what is no photo, or two things at once."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.txt", "a")
    yield "JPEG and ZIP at once", good + target.getvalue()
    yield "JPEG and HTML at once", good + b"<script>alert(1)</script>"
    yield "GIF and JavaScript at once", b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)"
    yield "ZIP", target.getvalue()
    yield (
        "EPS",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\n(/etc/passwd) (r) file\nshowpage\n",
    )
    yield "PDF", b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    yield (
        "SVG with an entity",
        (
            b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
            b'<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"><text>&x;</text></svg>'
        ),
    )
    for form in ("TIFF", "ICO", "PPM", "TGA", "PCX", "SGI", "DDS", "JPEG2000", "PDF", "EPS", "MSP", "XBM"):
        shown = picture.convert("1") if form in ("MSP", "XBM") else picture
        yield f"{form} written by Pillow", encoded(shown, form)
    yield "zero bytes", b""
    yield "one byte", b"\0"
    yield "a million zeros", bytes(1_000_000)
    yield "text", b"not a picture" * 100
    yield "begins as JSON", b"{" + good
    yield "PNG head, JPEG body", b"\x89PNG\r\n\x1a\n" + good
    yield "JPEG of one pixel", encoded(Image.new("RGB", (1, 1)), "JPEG")
    yield "JPEG of 10000x2", encoded(Image.new("RGB", (10_000, 2)), "JPEG")
    for mode in ("L", "CMYK", "YCbCr"):
        yield f"JPEG of mode {mode}", encoded(picture.convert(mode), "JPEG")
    for mode in ("1", "P", "LA", "RGBA", "I;16"):
        shown = Image.new("I;16", (64, 64)) if mode == "I;16" else picture.convert(mode)
        yield f"PNG of mode {mode}", encoded(shown, "PNG")
