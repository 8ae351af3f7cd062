"""Files that say they are videos."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Iterator

from hostile.pictures import encoded, flipped, png
from PIL import Image


def damaged(clip: bytes, chance: random.Random, count: int = 8) -> Iterator[tuple[str, bytes]]:
    """Cut an MP4 off and turn its bits, in the tables and in the pictures."""
    for share in range(1, count):
        yield f"cut at {share}/{count}", clip[: len(clip) * share // count]
    tables = max(0, clip.find(b"moov"))
    for _ in range(count):
        place = tables + chance.randrange(min(4000, len(clip) - tables))
        yield f"table byte {place}", flipped(clip, place, chance.randrange(8))
    for _ in range(count):
        broken = clip
        for place in sorted(chance.sample(range(len(clip)), 200)):
            broken = flipped(broken, place, chance.randrange(8))
        yield "200 bits", broken


def lying(clip: bytes) -> Iterator[tuple[str, bytes]]:
    """Write other numbers into the tables of an MP4: sizes, counts, durations, edits."""
    for box, skip in (("stsz", 8), ("stts", 4), ("stco", 4), ("stsc", 4), ("ctts", 4), ("elst", 4), ("stsd", 4)):
        yield f"{box} counts 4 thousand million", _patched(clip, box, skip, b"\xff\xff\xff\xf0")
    yield "tkhd of 65535x65535", _patched(clip, "tkhd", 76, struct.pack(">II", 65_535 << 16, 65_535 << 16))
    yield "avc1 of 65535x65535", _patched(clip, "avc1", 24, struct.pack(">HH", 65_535, 65_535))
    yield "avc1 of 0x0", _patched(clip, "avc1", 24, bytes(4))
    yield "duration of 2^32", _patched(clip, "mdhd", 16, b"\xff\xff\xff\xff")
    yield "timescale of 0", _patched(clip, "mdhd", 12, bytes(4))
    yield "timescale of 2^32", _patched(clip, "mdhd", 12, b"\xff\xff\xff\xff")
    yield "mdat larger than the file", _patched(clip, "mdat", -8, b"\x7f\xff\xff\xff")
    yield "moov inside itself", clip[:32] + (struct.pack(">I", 0x7FFFFFFF) + b"moov") * 5000
    yield "box of 2^63 bytes", struct.pack(">I4sQ", 1, b"ftyp", 2**63 - 1) + bytes(100)


def _patched(clip: bytes, box: str, skip: int, value: bytes) -> bytes:
    place = clip.find(box.encode())
    if place < 0:
        return clip[:-100]
    place += 4 + skip
    return clip[:place] + value + clip[place + len(value) :]


def playlists(secret: str, canary: int) -> Iterator[tuple[str, bytes]]:
    """Yield files that make a careless player open other files or addresses."""
    for target in (f"file://{secret}", secret, f"http://127.0.0.1:{canary}/a.ts", f"concat:{secret}|{secret}"):
        text = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n"
        yield f"HLS list of {target.split(':')[0][:8]}", text.encode()
    yield "HLS master", f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://127.0.0.1:{canary}/b.m3u8\n".encode()
    yield "ffconcat", f"ffconcat version 1.0\nfile '{secret}'\nfile 'http://127.0.0.1:{canary}/'\n".encode()
    head = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    yield "session description", head + b"m=video %d RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n" % canary
    address = f"http://127.0.0.1:{canary}/"
    dash = f"""<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
        mediaPresentationDuration="PT9S"><BaseURL>{address}</BaseURL><Period><AdaptationSet mimeType="video/mp4">
        <Representation id="1" bandwidth="1"><BaseURL>a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>"""
    yield "DASH list", dash.encode()
    yield "MOV with a reference", _reference(address)


def _reference(address: str) -> bytes:
    text = address.encode() + b"\0"
    kind = b"\0\0\0\0url " + struct.pack(">I", len(text)) + text
    inner = struct.pack(">I", len(kind) + 8) + b"rdrf" + kind
    for name in (b"rmda", b"rmra", b"moov"):
        inner = struct.pack(">I", len(inner) + 8) + name + inner
    return struct.pack(">I4s4sI4s", 20, b"ftyp", b"qt  ", 0, b"qt  ") + inner


def others(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what is no video at all, and videos that are all size and no content."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("clip.mp4", bytes(50_000_000))
        made.writestr("../../escape.txt", "x")
    yield "ZIP", archive.getvalue()
    yield "zero bytes", b""
    yield "one byte", b"\0"
    yield "a million zeros", bytes(1_000_000)
    yield "text", b"not a video\n" * 1000
    yield "escape codes", b"\x1b[2J\x1b[99999;99999H" * 5000
    yield "JPEG", good
    yield "PNG that claims 60000x60000", png(60_000, 60_000, b"")
    yield "GIF that claims 65535x65535", b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
    yield "Y4M of 60000x60000", b"YUV4MPEG2 W60000 H60000 F25:1 C420\nFRAME\n" + bytes(1000)
    yield "Y4M of 0x0", b"YUV4MPEG2 W0 H0 F25:1\nFRAME\n"
    yield "Y4M of rate 1/0", b"YUV4MPEG2 W64 H64 F1:0 C420\n" + (b"FRAME\n" + bytes(64 * 96)) * 3
    yield "Y4M of 5000 frames", b"YUV4MPEG2 W16 H16 F25:1 C420\n" + (b"FRAME\n" + bytes(16 * 24)) * 5000
    yield (
        "sound alone",
        b"RIFF\x24\x10\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\0\x10\0\0" + bytes(4096),
    )
    yield "GIF", encoded(Image.new("P", (64, 64)), "GIF")
