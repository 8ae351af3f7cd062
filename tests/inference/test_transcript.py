from __future__ import annotations

from pathlib import Path

import pytest

from kaoiro.core.errors import InputError
from kaoiro.inference.transcript import Cue, read_events, read_transcript

SRT = """1
00:00:01,500 --> 00:00:03,000
Good <i>morning</i>,
ladies &amp; gentlemen

2
00:01:00,000 --> 00:01:02,250 X1:0
{\\an8}こんにちは
"""
VTT = """WEBVTT - a title

NOTE
nothing

STYLE
::cue { color: red }

intro
00:01.500 --> 00:03.000 align:start
<v Anna>Good morning

01:00:00.000 --> 01:00:02.000
later
"""


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_subrip_becomes_cues(tmp_path: Path, encoding: str) -> None:
    cues = read_transcript(written(tmp_path / "a.srt", SRT.replace("\n", "\r\n"), encoding))
    assert cues == [Cue(1.5, 3.0, "Good morning, ladies & gentlemen"), Cue(60.0, 62.25, "こんにちは")]


def test_webvtt_becomes_cues(tmp_path: Path) -> None:
    cues = read_transcript(written(tmp_path / "a.vtt", VTT))
    assert cues == [Cue(1.5, 3.0, "Good morning"), Cue(3600.0, 3602.0, "later")]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.srt", "1\n00:00:01 -> 00:00:02\nhello\n", "holds no line with times"),
        ("a.srt", "1\n00:00:0x --> 00:00:02,0\nhello\n", "broken times"),
        ("a.srt", "1\n00:00:72,0 --> 00:01:20,0\nhello\n", "broken times"),
        ("a.srt", "1\n00:00:03,0 --> 00:00:02,0\nhello\n", "ends before it starts"),
        ("a.srt", "", "holds no line"),
        ("a.vtt", SRT, "no WebVTT"),
        ("a.txt", SRT, "ends in .srt or .vtt"),
    ],
)
def test_broken_transcripts_are_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_transcript(written(tmp_path / name, text))


def test_a_transcript_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not in UTF-8"):
        read_transcript(written(tmp_path / "a.srt", SRT, "shift_jis"))
    with pytest.raises(InputError, match="cannot be read"):
        read_transcript(tmp_path / "missing.srt")


def test_events_have_moments_and_spans(tmp_path: Path) -> None:
    text = 'start_s, end_s ,label\n5,10.5,"opening, with words"\n1:30,,question\n1:02:03.5,3724,end\n'
    events = read_events(written(tmp_path / "e.csv", text))
    assert events == [
        Cue(5.0, 10.5, "opening, with words"),
        Cue(90.0, 90.0, "question"),
        Cue(3723.5, 3724.0, "end"),
    ]
    assert read_events(written(tmp_path / "f.csv", "time_s,label\n3,x\n")) == [Cue(3.0, 3.0, "x")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("start_s,end_s,label\n5,10,a\n9,12,b\n", "line 3: 'b' begins before 'a' has ended"),
        ("start_s,label\n5,a\n3,b\n", "line 3: events must be in order"),
        ("start_s,end_s,label\n5,3,a\n", "line 2: the event ends before it starts"),
        ("start_s,label\nnoon,a\n", "line 2: 'noon' is no time"),
        ("start_s,label\n-3,a\n", "is no time"),
        ("when,what\n5,a\n", "events have the columns"),
        ("start_s,label\n", "holds no event"),
    ],
)
def test_broken_events_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_events(written(tmp_path / "e.csv", text))
