from __future__ import annotations

import struct
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from kaoiro.core.encode import VideoWriter
from kaoiro.core.errors import InputError, OutputError, TruncatedVideo
from kaoiro.faces.video import VideoFile

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from media import (
    VARIABLE,
    TortureCase,
    bar_code,
    cut_file,
    join_files,
    mirror,
    read_code,
    regular,
    rotate,
    torture_set,
    write_turned,
    write_video,
)

COMPLETE = (
    "b_frames",
    "negative_decode_times",
    "hidden_start",
    "long_hidden_start",
    "hidden_end",
    "delayed_start",
    "variable_rate",
    "variable_rate_ms",
    "rotated_90",
    "rotated_180",
    "rotated_270",
    "gap",
    "late_start",
    "late_start_ms",
    "late_b_frames",
    "long_last_frame",
    "longer_sound",
    "no_timestamps",
    "jump_forward",
    "jump_back",
)
TRUNCATED = ("truncated", "truncated_ms", "truncated_sound")
REFUSED = {"sound_only": "no video stream", "zero_bytes": "empty", "garbage": "not a video", "no_index": "not a video"}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TortureCase]:
    return torture_set(tmp_path_factory.mktemp("torture"))


def read(path: Path) -> tuple[list[float], list[int | None], Exception | None]:
    times, codes = [], []
    try:
        for frame in VideoFile(path).frames():
            assert frame.index == len(times)
            times.append(frame.time_s)
            codes.append(read_code(frame.luma()))
    except InputError as error:
        return times, codes, error
    return times, codes, None


def decoded_one_by_one(path: Path) -> list[int]:
    """Return the timestamps of all frames that FFmpeg can decode without threads."""
    stamps = []
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for packet in container.demux(video=0):
            try:
                stamps += [frame.pts for frame in packet.decode()]
            except av.error.InvalidDataError:
                continue
    return stamps


def test_every_case_is_tested(cases):
    assert set(cases) == {*COMPLETE, *TRUNCATED, *REFUSED}


@pytest.mark.parametrize("name", COMPLETE)
def test_each_picture_has_its_presentation_time(cases, name):
    case = cases[name]
    times, codes, error = read(case.path)
    assert error is None, case.note
    assert codes == list(case.codes), case.note
    assert times == list(case.times_s), case.note


@pytest.mark.parametrize("name", sorted(set(COMPLETE) - {"no_timestamps"}))
def test_times_are_the_timestamps_of_the_stream(cases, name):
    with av.open(str(cases[name].path)) as container:
        stamps = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
    assert [frame.time_s for frame in VideoFile(cases[name].path).frames()] == stamps


@pytest.mark.parametrize("name", ["b_frames", "negative_decode_times", "late_b_frames"])
def test_the_set_does_contain_frames_stored_out_of_order(cases, name):
    with av.open(str(cases[name].path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    stored = [packet.pts for packet in packets]
    assert stored != sorted(stored)


@pytest.mark.parametrize("name", ["b_frames", "negative_decode_times"])
def test_the_set_does_contain_decode_times_below_zero(cases, name):
    with av.open(str(cases[name].path)) as container:
        assert min(packet.dts for packet in container.demux(video=0) if packet.size) < 0


@pytest.mark.parametrize("name", TRUNCATED)
def test_a_file_that_breaks_off_gives_its_frames_then_an_error(cases, name):
    case = cases[name]
    times, codes, error = read(case.path)
    assert isinstance(error, TruncatedVideo)
    assert times == list(case.times_s)
    assert codes == list(case.codes)
    assert 10 < case.frames < 90
    assert str(case.path) in str(error)
    assert f"the {case.frames} readable frames" in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("share", [0.5, 0.6, 0.7, 0.8, 0.9])
def test_wherever_a_file_breaks_off_its_pictures_keep_their_times(tmp_path, share):
    how = {"b_frames": 3, "key_every": 25, "options": {"movflags": "faststart"}}
    whole = write_video(tmp_path / "whole.mp4", regular(125), **how)
    times, codes, error = read(cut_file(whole, share, tmp_path / "cut.mp4"))
    assert isinstance(error, TruncatedVideo)
    assert len(times) == len(decoded_one_by_one(tmp_path / "cut.mp4"))
    assert 10 < len(times) < 125
    shown = [(time_s, code) for time_s, code in zip(times, codes, strict=True) if code is not None]
    assert len(shown) > 0.8 * len(times)
    assert all(code == round(25 * time_s) for time_s, code in shown)
    assert times == sorted(times)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_video_is_refused_in_one_line_that_names_it(cases, name):
    with pytest.raises(InputError) as caught:
        list(VideoFile(cases[name].path).frames())
    message = str(caught.value)
    assert message.startswith(f"{cases[name].path}: ")
    assert REFUSED[name] in message
    assert "\n" not in message
    assert "None" not in message


@pytest.mark.parametrize(("name", "reason"), [("missing.mp4", "No such file"), ("", "is a folder")])
def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path, name, reason):
    path = tmp_path / name
    with pytest.raises(InputError) as caught:
        VideoFile(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert reason in str(caught.value)


def test_messages_use_the_name_that_the_caller_gave(tmp_path):
    with pytest.raises(InputError, match=r"^talk\.zip/one\.mp4: "):
        VideoFile(tmp_path / "gone.mp4", "talk.zip/one.mp4")


@pytest.mark.parametrize(("count", "place"), [(50, 30), (50, 49), (42, 41), (43, 42)])
@pytest.mark.parametrize("b_frames", [0, 3])
def test_a_damaged_packet_is_reported_and_no_picture_is_shifted(tmp_path, count, place, b_frames):
    path = write_video(tmp_path / "damaged.mp4", regular(count), b_frames=b_frames, key_every=10)
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][place]
    data = bytearray(path.read_bytes())
    data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    path.write_bytes(data)
    times, codes, error = read(path)
    assert isinstance(error, TruncatedVideo)
    assert "damaged" in str(error)
    near = range(place - b_frames, place // 10 * 10 + 10)  # patched up by the decoder until the next key frame
    shown = {round(25 * time_s): code for time_s, code in zip(times, codes, strict=True)}
    assert all(code == number for number, code in shown.items() if number not in near)
    lost = set(range(count)) - set(shown)
    assert 1 <= len(lost) <= (len(near) if place == 30 else 1)
    assert lost <= set(near)


def test_a_path_outside_ascii_is_read(tmp_path):
    folder = tmp_path / "顔 märz"
    folder.mkdir()
    path = write_video(folder / "été – 動画.mp4", regular(3))
    assert read(path)[0] == [0.0, 0.04, 0.08]


@pytest.mark.parametrize(("degrees", "rotation"), [(0, 0), (90, 270), (180, 180), (270, 90)])
def test_turned_videos_come_out_upright(tmp_path, degrees, rotation):
    file = VideoFile(write_turned(tmp_path / "turned.mp4", regular(3), degrees, (192, 96)))
    assert (file.info.width, file.info.height, file.info.rotation) == (192, 96, rotation)
    with av.open(str(file.path)) as container:
        stored = (container.streams.video[0].width, container.streams.video[0].height)
    assert stored == ((192, 96) if degrees in (0, 180) else (96, 192))
    for number, frame in enumerate(file.frames()):
        assert frame.size == (192, 96)
        drawn = bar_code(number, (192, 96)).astype(int)
        assert frame.rgb().shape == drawn.shape
        assert np.abs(frame.rgb() - drawn).mean() < 5
        assert np.abs(frame.luma() - drawn[:, :, 0]).mean() < 5
        small = frame.rgb((96, 48))
        assert small.shape == (48, 96, 3)
        assert np.abs(small - drawn.reshape(48, 2, 96, 2, 3).mean((1, 3))).mean() < 5


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_mirrored_videos_come_out_upright(tmp_path, degrees):
    def stored(number: int) -> np.ndarray:
        return np.rot90(bar_code(number, (192, 96)), degrees // 90)[:, ::-1]

    size = (192, 96) if degrees % 180 == 0 else (96, 192)
    file = VideoFile(mirror(write_video(tmp_path / "mirrored.mp4", regular(3), size, picture=stored), degrees))
    assert (file.info.width, file.info.height, file.info.mirrored) == (192, 96, True)
    for number, frame in enumerate(file.frames()):
        assert frame.size == (192, 96)
        assert np.abs(frame.rgb() - bar_code(number, (192, 96)).astype(int)).mean() < 5


@pytest.mark.parametrize(("aspect", "width"), [((2, 1), 192), ((1, 2), 48), ((4, 3), 128), ((40, 1), 96)])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_pixels_come_out_square(tmp_path, aspect, width, suffix):
    path = write_video(tmp_path / f"squeezed.{suffix}", regular(3), (96, 64), aspect=aspect)
    file = VideoFile(path)
    assert (file.info.width, file.info.height) == (width, 64)
    for number, frame in enumerate(file.frames()):
        assert frame.size == (width, 64)
        drawn = bar_code(number, (width, 64)).astype(int)
        assert frame.luma().shape == drawn.shape[:2]
        assert np.abs(frame.rgb() - drawn).mean() < 12


def test_pixels_of_a_turned_video_come_out_square(tmp_path):
    path = rotate(write_video(tmp_path / "turned.mp4", regular(2), (96, 64), aspect=(2, 1)), 90)
    file = VideoFile(path)
    assert (file.info.width, file.info.height) == (64, 192)
    assert [frame.rgb().shape for frame in file.frames()] == [(192, 64, 3)] * 2


PLAYLISTS = {
    "list.mp4": "ffconcat version 1.0\nfile 'secret.mp4'\n",
    "list.ffconcat": "ffconcat version 1.0\nfile 'secret.mp4'\n",
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n",
    "list.mpd": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period></Period></MPD>\n',
    "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_is_refused_and_what_it_names_is_not_read(tmp_path, name):
    write_video(tmp_path / "secret.mp4", regular(3))
    (tmp_path / name).write_text(PLAYLISTS[name], encoding="utf-8")
    with pytest.raises(InputError, match=rf"{name}: a playlist, which names other files; give those instead") as caught:
        VideoFile(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_rgb_is_scaled_to_any_width_and_height(tmp_path):
    frame = next(VideoFile(write_video(tmp_path / "clip.mp4", regular(1))).frames())
    for size in ((64, 32), (320, 320), (160, 120)):
        pixels = frame.rgb(size)
        assert pixels.shape == (size[1], size[0], 3)
        assert pixels.dtype == np.uint8
        assert pixels.flags["C_CONTIGUOUS"]


def test_rgb_keeps_the_order_of_colours(tmp_path):
    colour = np.array([200, 60, 20], np.uint8)
    path = write_video(tmp_path / "red.mp4", regular(1), picture=lambda _: np.full((120, 160, 3), colour))
    pixels = next(VideoFile(path).frames()).rgb()
    assert np.abs(pixels.reshape(-1, 3).mean(0) - colour).max() < 6


@pytest.mark.parametrize(("codec", "pixel_format"), [("libx264", "yuv420p"), ("mjpeg", "yuvj420p")])
def test_luma_spans_black_to_white_for_limited_and_full_range(tmp_path, codec, pixel_format):
    def halves(_: int) -> np.ndarray:
        return np.repeat(np.repeat([[0, 128, 255, 255]], 120, 0), 40, 1)[:, :, None].repeat(3, 2).astype(np.uint8)

    path = write_video(tmp_path / "range.mkv", regular(2), codec=codec, pixel_format=pixel_format, picture=halves)
    luma = next(VideoFile(path).frames()).luma()
    assert luma.shape == (120, 160)
    assert luma.dtype == np.uint8
    assert luma[:, 5:35].mean() < 3
    assert abs(luma[:, 45:75].mean() - 128) < 4
    assert luma[:, 90:150].mean() > 252


def test_what_the_file_says_of_itself(tmp_path):
    info = VideoFile(write_video(tmp_path / "clip.mp4", regular(50), (192, 96))).info
    assert (info.width, info.height, info.rotation) == (192, 96, 0)
    assert info.rate == pytest.approx(25)
    assert info.duration_s == pytest.approx(2.0)


def test_the_duration_does_not_count_the_time_before_a_late_start(cases):
    for name in ("late_start", "late_start_ms", "delayed_start"):
        assert VideoFile(cases[name].path).info.duration_s == pytest.approx(0.8, abs=0.05), name


def test_a_declared_length_that_ends_before_the_start_is_not_believed(tmp_path):
    path = write_video(tmp_path / "late.mkv", regular(20, start_s=7.0))
    data = bytearray(path.read_bytes())
    struct.pack_into(">d", data, data.index(b"\x44\x89\x88") + 3, 800.0)  # some writers count from the first frame
    path.write_bytes(data)
    assert VideoFile(path).info.duration_s is None
    assert read(path) == (list(regular(20, start_s=7.0)), list(range(20)), None)


def test_a_stream_may_change_its_size(tmp_path):
    wide = write_video(tmp_path / "wide.ts", regular(5), (192, 96))
    tall = write_video(tmp_path / "tall.ts", regular(5, start_s=2.0), (160, 120), first=5)
    frames = list(VideoFile(join_files((wide, tall), tmp_path / "both.ts")).frames())
    assert [frame.size for frame in frames] == [(192, 96)] * 5 + [(160, 120)] * 5
    assert [read_code(frame.rgb()) for frame in frames] == list(range(10))


def test_a_video_can_be_read_again_and_in_part(tmp_path):
    file = VideoFile(write_video(tmp_path / "clip.mp4", VARIABLE))
    part = file.frames()
    assert next(part).time_s == 0.0
    part.close()
    assert [frame.time_s for frame in file.frames()] == list(VARIABLE)


def test_pixels_of_an_earlier_frame_stay_what_they_were(tmp_path):
    frames = list(VideoFile(write_video(tmp_path / "clip.mp4", regular(30), b_frames=2)).frames())
    first = frames[0].rgb()
    assert [read_code(frame.rgb()) for frame in reversed(frames)] == list(reversed(range(30)))
    assert read_code(first) == 0


@pytest.mark.parametrize("missing", [set(), {"libx264"}])
def test_written_frames_keep_their_distances_with_either_codec(tmp_path, monkeypatch, missing):
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - missing)
    path = tmp_path / "written.mp4"
    with VideoWriter(path, 161, 121, 25) as writer:
        for number, time_s in enumerate(VARIABLE):
            writer.write(bar_code(number, (161, 121)), 3.0 + time_s)
    frames = list(VideoFile(path).frames())
    assert [frame.time_s for frame in frames] == pytest.approx(VARIABLE, abs=1e-4)
    assert [read_code(frame.rgb()) for frame in frames] == list(range(len(VARIABLE)))
    assert {frame.size for frame in frames} == {(160, 120)}
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == ("mpeg4" if missing else "h264")


def test_a_video_cannot_be_written_into_a_missing_folder(tmp_path):
    with pytest.raises(OutputError, match=r"missing/video\.mp4"), VideoWriter(tmp_path / "missing/video.mp4", 8, 8, 25):
        pass


class Failing:
    """A stream that fails when its last frames are asked for."""

    def __init__(self, stream):
        self._stream = stream

    def encode(self, frame):
        if frame is None:
            raise OSError(28, "No space left on device")
        return self._stream.encode(frame)


def test_a_video_whose_end_cannot_be_written_is_closed_and_named(tmp_path):
    writer = VideoWriter(tmp_path / ".part.mp4", 32, 32, 25, name="clip.mp4")
    with pytest.raises(OutputError, match=r"cannot write clip\.mp4: No space left"), writer:
        writer.write(np.zeros((32, 32, 3), np.uint8), 0.0)
        writer._stream = Failing(writer._stream)
    with pytest.raises((AssertionError, ValueError, OSError)):
        writer._container.add_stream("mpeg4", rate=25)


def test_an_error_while_a_video_is_written_is_not_hidden(tmp_path):
    with pytest.raises(KeyError, match="earlier"), VideoWriter(tmp_path / "clip.mp4", 32, 32, 25):
        raise KeyError("earlier")
