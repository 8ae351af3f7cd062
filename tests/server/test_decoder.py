import io
import os
import signal

import numpy as np
import pytest
from PIL import Image

from kaoiro.core.errors import InputError
from kaoiro.server import decoder
from kaoiro.server.decoder import Decoders


def encoded(pixels: np.ndarray, format: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format)
    return file.getvalue()


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (70, 50, 3), np.uint8)


@pytest.fixture
def decoders():
    made = Decoders(1, 10_000)
    yield made
    made.close()


def test_a_picture_comes_back_as_it_was(decoders, pixels):
    assert (decoders.decode(encoded(pixels)) == pixels).all()
    assert (decoders.decode(encoded(pixels, "BMP")) == pixels).all()


@pytest.mark.parametrize("data", [b"", b"nothing", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"II*\x00" + b"\x00" * 100])
def test_what_is_no_picture_is_refused_and_the_next_one_decoded(decoders, pixels, data):
    with pytest.raises(InputError):
        decoders.decode(data)
    assert decoders.decode(encoded(pixels)).shape == (70, 50, 3)


def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(decoders):
    with pytest.raises(InputError, match="megapixels"):
        decoders.decode(encoded(np.zeros((101, 100, 3), np.uint8)))


def test_a_decoder_that_somebody_ended_is_replaced_before_it_is_asked(decoders, pixels):
    process = decoders._idle.get()
    os.kill(process._process.pid, signal.SIGKILL)
    process._process.wait()
    decoders._idle.put(process)
    assert decoders.decode(encoded(pixels)).shape == (70, 50, 3)


def test_a_decoder_that_hangs_is_killed(monkeypatch, decoders, pixels):
    monkeypatch.setattr(decoder, "PATIENCE_S", 0.2)
    process = decoders._idle.get()
    os.kill(process._process.pid, signal.SIGSTOP)
    decoders._idle.put(process)
    with pytest.raises(InputError, match="gave up"):
        decoders.decode(encoded(pixels))
    monkeypatch.undo()  # a new process takes a moment to start
    assert decoders.decode(encoded(pixels)).shape == (70, 50, 3)


def test_the_loop_answers_until_there_are_no_more_requests(pixels):
    source, target = io.BytesIO(), io.BytesIO()
    for data in (encoded(pixels), b"nothing"):
        decoder.send(source, data)
    source.seek(0)
    decoder.serve(source, target, 10_000)
    answers = target.getvalue()
    assert answers[8 : 8 + pixels.size] == pixels.tobytes()
    assert b"not a picture" in answers[8 + pixels.size :]
