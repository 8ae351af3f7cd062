from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from media import regular, write_video
from tables_of_records import manifest, row, steady, write

import kaoiro
from kaoiro.core import modelfile
from kaoiro.core.errors import InputError
from kaoiro.inference.change import Rest
from kaoiro.inference.floor import FloorTable, Level
from kaoiro.inference.recording import EXPRESSION_COLUMNS
from kaoiro.inference.report import document, notes
from kaoiro.inference.report.measured import LABELS, Settings
from kaoiro.inference.transcript import read_transcript
from kaoiro.timeline.floors import Floor

PAGE = Path(document.__file__).parent / "page"
SERVICE = Path(kaoiro.__file__).parent / "server" / "page"


def lines(report: Any, kind: str = "raw", place: int = 0) -> dict[str, Any]:
    return {line.label: line for line in report.recordings[place].speaker.of(kind)}


def test_shares_are_those_of_the_formula(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    scores = rng.dirichlet(np.ones(8), 7200)
    rows = [row(0.5 * n) | dict(zip(EXPRESSION_COLUMNS, one, strict=True)) for n, one in enumerate(scores.tolist())]
    found = lines(kaoiro.report(write(tmp_path / "talk.parquet", rows)))
    wished = scores.sum(axis=0) / scores.sum()
    top = np.bincount(scores.argmax(axis=1), minlength=8) / len(scores)
    for place, label in enumerate(LABELS):
        line = found[label]
        assert line.mean == pytest.approx(wished[place], abs=1e-9)
        assert line.top == pytest.approx(top[place], abs=1e-9)
        assert line.above == pytest.approx((scores[:, place] > 0.5).mean(), abs=1e-9)
        assert line.low < line.mean < line.high
    assert sum(line.mean for line in found.values()) == pytest.approx(1, abs=1e-9)


def test_absent_samples_are_never_counted_as_neutral(tmp_path: Path) -> None:
    rows = [row(0.5 * n, 0 if n < 60 else None, happiness=0.25) for n in range(100)]
    one = kaoiro.report(write(tmp_path / "talk.parquet", rows)).recordings[0]
    found = {line.label: line.mean for line in one.speaker.of("raw")}
    assert (found["happiness"], found["neutral"]) == pytest.approx((0.25, 0.75), abs=1e-12)
    assert one.speaker.lane.coverage == pytest.approx(0.6)
    assert one.confounds.missing == pytest.approx(0.4)


def two_people(n: int) -> list[Any]:
    """Somebody beside who is larger, but seen for a shorter time."""
    speaker = [row(0.5 * n, 3, 80, anger=0.1)]
    return speaker + ([row(0.5 * n, 7, 160, sadness=0.9)] if n % 4 == 0 else [])


def test_the_speaker_is_who_is_seen_longest_unless_told_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path / "talk.parquet", [one for n in range(200) for one in two_people(n)])
    assert [one.lane.name for one in kaoiro.report(path).recordings[0].lanes] == ["3", "7", "largest"]
    assert lines(kaoiro.report(path, track=7))["sadness"].mean == pytest.approx(0.9)
    largest = kaoiro.report(path, largest=True)
    assert lines(largest)["sadness"].mean == pytest.approx(0.9 / 4)
    assert lines(largest)["anger"].mean == pytest.approx(0.1 * 3 / 4)
    both = kaoiro.report(path, track="3, 7").recordings[0].speaker
    assert (both.lane.name, both.lane.coverage) == ("3+7", 1.0)
    with pytest.raises(InputError, match="no track 5; the longest first, there are 3, 7"):
        kaoiro.report(path, track=5)
    with pytest.raises(InputError, match="--track must be auto or the number"):
        kaoiro.report(path, track="anna")
    with pytest.raises(InputError, match="leave out --track"):
        kaoiro.report(path, track=3, largest=True)


def test_of_equally_long_faces_the_larger_is_the_speaker(tmp_path: Path) -> None:
    rows = [row(0.5 * n, track, size) for n in range(30) for track, size in ((1, 60), (2, 90))]
    assert kaoiro.report(write(tmp_path / "talk.csv", rows)).recordings[0].speaker.lane.name == "2"


def test_smoothed_columns_changes_and_signals_are_measured_alike(tmp_path: Path) -> None:
    smooth = {f"{name}_smooth": 0.125 for name in EXPRESSION_COLUMNS}
    rows = [one | smooth | {"valence": -0.25, "au_12": n % 2} for n, one in enumerate(steady(400, 0.5, anger=0.2))]
    rest = Rest(dict.fromkeys(EXPRESSION_COLUMNS, 0.125))
    report = kaoiro.report(write(tmp_path / "talk.parquet", rows), baseline=rest)
    assert lines(report, "smooth")["anger"].mean == pytest.approx(0.125)
    assert lines(report, "change")["anger"].mean == pytest.approx(0.075)
    assert lines(report, "change")["neutral"].mean == pytest.approx(0.8 - 0.125)
    signals = lines(report, "signal")
    assert set(signals) == {"valence", "au_12"}
    assert (signals["valence"].mean, signals["au_12"].mean, signals["au_12"].above) == pytest.approx((-0.25, 0.5, 0.5))
    assert math.isnan(signals["valence"].above)


def test_a_rest_is_read_from_records_or_estimated_or_said_to_be_missing(tmp_path: Path) -> None:
    rest = write(tmp_path / "rest.csv", steady(30, anger=0.3))
    talk = write(tmp_path / "talk.parquet", steady(300, 0.5, anger=0.4))
    assert lines(kaoiro.report(talk, baseline=rest), "change")["anger"].mean == pytest.approx(0.1)
    assert lines(kaoiro.report(talk, baseline="auto"), "change")["anger"].mean == pytest.approx(0.0)
    short = kaoiro.report(write(tmp_path / "short.csv", steady(8, 0.5)), baseline="auto")
    assert short.recordings[0].notes == ["no_rest"] and not lines(short, "change")
    own = [one | {f"{name}_change": 0.0625 for name in EXPRESSION_COLUMNS} for one in steady(30)]
    assert lines(kaoiro.report(write(tmp_path / "own.csv", own)), "change")["fear"].mean == 0.0625


def test_a_rest_that_another_model_measured_is_refused(tmp_path: Path, small_photo: Path) -> None:
    for name in ("talk", "rest"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "t.csv", steady(30))
        manifest(tmp_path / name, {"talk.mp4": f"of {name}"})
    for baseline in (tmp_path / "rest" / "t.csv", small_photo):
        with pytest.raises(InputError, match="measured by another model than talk"):
            kaoiro.report(tmp_path / "talk" / "t.csv", baseline=baseline)
    same = kaoiro.report(tmp_path / "talk" / "t.csv", baseline=tmp_path / "talk" / "t.csv")
    assert lines(same, "change")["neutral"].mean == pytest.approx(0)


def test_episodes_are_found_with_hysteresis(tmp_path: Path) -> None:
    levels = [0.0] * 20 + [0.6] * 4 + [0.4] * 4 + [0.6] * 4 + [0.0] * 20
    report = kaoiro.report(write(tmp_path / "a.csv", [row(0.5 * n, fear=one) for n, one in enumerate(levels)]))
    table = report.episodes()
    assert table[["label", "start_s", "end_s"]].to_numpy().tolist() == [["fear", 9.75, 15.75]]
    assert lines(report)["fear"].episodes == pytest.approx(12 / 52)


def test_episodes_and_visible_units_have_intervals_too(tmp_path: Path) -> None:
    rows = [row(0.5 * n, fear=0.6 * (n % 60 < 6), au_12=float(n % 40 < 10)) for n in range(1200)]
    report = kaoiro.report(write(tmp_path / "a.parquet", rows))
    fear = lines(report)["fear"]
    assert fear.episodes_low < fear.episodes < fear.episodes_high
    assert fear.episodes == pytest.approx(0.1)
    smile = next(line for line in report.recordings[0].speaker.of("signal") if line.label == "au_12")
    assert smile.above_low < smile.above < smile.above_high and smile.above == pytest.approx(0.25)


def test_short_recordings_have_no_intervals_and_long_ones_say_how_they_were_drawn(tmp_path: Path) -> None:
    short = kaoiro.report(write(tmp_path / "short.csv", steady(20, 0.5))).recordings[0].speaker
    assert not short.drawn["raw"].enough and math.isnan(short.of("raw")[0].low)
    slow = [row(0.5 * n, anger=0.5 + 0.4 * math.sin(n / 60)) for n in range(2000)]
    drawn = kaoiro.report(write(tmp_path / "long.parquet", slow)).recordings[0].speaker.drawn["raw"]
    assert drawn.enough and drawn.cut and drawn.block_s == 10.0


def test_the_five_longest_lanes_have_intervals(tmp_path: Path) -> None:
    rows = [row(0.5 * n, track, happiness=0.5) for n in range(160) for track in range(20) if n < 160 - track]
    lanes = kaoiro.report(write(tmp_path / "many.parquet", rows)).recordings[0].lanes
    assert [bool(one.drawn) for one in lanes] == [True] * 5 + [False] * 8
    assert [one.lane.name for one in lanes] == [*map(str, range(12)), "largest"]


def test_confounds_are_told_as_far_as_records_know_them(tmp_path: Path) -> None:
    rows = [row(0.5 * n, 0, 100 + n, au_25=float(n % 10 < 5 and n < 50)) for n in range(101)]
    known = kaoiro.report(write(tmp_path / "a.csv", rows)).recordings[0].confounds
    assert known.face_size is not None and known.eyes is not None and known.speaking is not None
    assert (known.face_size.median, known.face_size.low, known.eyes.median) == (150.0, 110.0, 75.0)
    assert known.speaking == pytest.approx(36 / 101)  # within a second of an opening or closing
    assert (known.resolution, known.light, known.pitch, known.reading) == (None, None, None, None)
    tilted = pd.DataFrame([*steady(20), *[row(2 + 0.1 * n) for n in range(20)]])
    tilted.assign(pitch=[0.0] * 20 + [-30.0] * 20).to_parquet(tmp_path / "b.parquet")
    assert kaoiro.report(tmp_path / "b.parquet", every=0.1).recordings[0].confounds.reading == pytest.approx(0.5)


def floor_file(path: Path, digest: str, level: str = "medium") -> Path:
    rows = {"expression_anger": 0.1, "expression_fear": 0.02}
    columns = {
        name: [Floor(1.0, floor / 2, math.nan, math.nan, 0.01, floor, rest_low=0.0, rest_high=0.12)]
        for name, floor in rows.items()
    }
    FloorTable("m", digest, {level: Level(2, 4, columns)}).save(path)
    return path


def test_every_line_says_whether_it_is_worth_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kaoiro.inference.report.floors.SHIPPED", "none.json")
    digest = modelfile.load().digest
    manifest(tmp_path, {"talk.mp4": digest})
    wave = [row(0.5 * n, anger=0.3 + 0.1 * (n % 2), fear=0.1 + 0.02 * (n % 2)) for n in range(400)]
    path = write(tmp_path / "talk.parquet", wave)
    scores = dict.fromkeys(EXPRESSION_COLUMNS, 0.0) | {"expression_fear": 0.1, "expression_neutral": 0.9}
    rest = Rest(scores, frames=100)
    assert set(kaoiro.report(path, baseline=rest).shares()["verdict"]) == {"unmeasured"}
    for level in ("medium", "own", "high"):
        floors = floor_file(tmp_path / "floors.json", digest, level)
        report = kaoiro.report(path, baseline=rest, noise_floor=floors)
        table = report.shares()
        found = table[table["kind"] == "change"].set_index("label")
        assert found["verdict"][["anger", "fear", "sadness"]].tolist() == [
            "signal",
            "below the noise floor",
            "unmeasured",
        ]
        assert found["floor"]["anger"] == pytest.approx(0.1)
        shares = table[table["kind"] == "raw"].set_index("label")
        said = shares["verdict"][["anger", "fear", "sadness"]].tolist()
        assert said == ["uncertain", "below the noise floor", "unmeasured"]  # a share alone is never a signal
        assert shares["rest_high"]["anger"] == 0.12
        assert document.document(report)["floor"] == level
    floors = floor_file(tmp_path / "floors.json", "of another model")
    assert set(kaoiro.report(path, baseline=rest, noise_floor=floors).shares()["verdict"]) == {"unmeasured"}


def test_a_change_is_a_signal_only_where_the_floor_and_the_rest_hold(tmp_path: Path) -> None:
    digest = modelfile.load().digest
    manifest(tmp_path, {"talk.mp4": digest})
    wave = [row(0.5 * n, anger=0.3 + 0.1 * (n % 2)) for n in range(400)]
    path, floors = write(tmp_path / "talk.parquet", wave), floor_file(tmp_path / "floors.json", digest)

    def said(anger: float, frames: int) -> str:
        scores = dict.fromkeys(EXPRESSION_COLUMNS, 0.0)
        scores |= {"expression_anger": anger, "expression_neutral": 1 - anger}
        table = kaoiro.report(path, baseline=Rest(scores, frames=frames), noise_floor=floors).shares()
        return table[(table["kind"] == "change") & (table["label"] == "anger")]["verdict"].item()

    assert said(0.05, 100) == "signal"
    assert said(0.05, 1) == "uncertain"  # a photo, whose scatter is not in the floor
    assert said(0.15, 100) == "uncertain"  # neither 0.35 nor 0.15 is of a face that does nothing
    assert said(0.30, 100) == "below the noise floor"
    slow = [row(0.5 * n, anger=0.3 + 0.2 * (n // 200 % 2)) for n in range(1200)]
    path = write(tmp_path / "talk.parquet", slow)  # blocks of 10 s say little of what lasts 100 s
    assert said(0.05, 100) == "uncertain"
    estimated = kaoiro.report(path, baseline="auto", noise_floor=floors).shares()
    assert "signal" not in set(estimated["verdict"])


def test_recordings_of_different_models_are_shown_with_a_warning(tmp_path: Path) -> None:
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        manifest(tmp_path / name, {f"{name}.mp4": f"digest-{name}"})
        paths.append(write(tmp_path / name / "t.csv", steady(20, source=f"{name}.mp4")))
    report = kaoiro.report(paths)
    assert report.mixed_models and document.document(report)["mixed"]
    assert not kaoiro.report([paths[0], paths[0]]).mixed_models


SRT = """1
00:00:00,000 --> 00:00:10,000
Hello

2
00:00:10,000 --> 00:00:20,250
Bye

3
00:01:00,0 --> 00:01:01,0
x
"""


def test_a_transcript_is_joined_with_shares(tmp_path: Path) -> None:
    (tmp_path / "t.srt").write_text(SRT)
    rows = [row(5.0 + 0.5 * n, 0 if n != 30 else None, anger=0.0 if n < 20 else 0.5) for n in range(60)]
    report = kaoiro.report(write(tmp_path / "talk.csv", rows), transcripts=tmp_path / "t.srt")
    files = {path.name: path for path in report.export(tmp_path / "out")}
    table = pd.read_csv(files["talk.mp4.transcript.csv"])
    assert table["text"].tolist() == ["Hello", "Bye", "x"]
    first = 0.5 * 0.25 / 10  # the sample at 10 s stands from 9.75 s
    assert table["expression_anger"].tolist()[:2] == pytest.approx([first, 0.5])
    assert math.isnan(table["expression_anger"][2]) and table["coverage"][2] == 0
    assert table["coverage"][1] == pytest.approx(1 - 0.5 / 10.25)


def test_exports_can_be_read_again(tmp_path: Path) -> None:
    rows = [row(3 + 0.5 * n, 0, happiness=float(10 <= n < 20)) for n in range(40)]
    report = kaoiro.report(write(tmp_path / "talk.csv", rows))
    files = {path.name: path for path in report.export(tmp_path / "out")}
    assert set(files) == {"shares.csv", "shares.parquet", "episodes.csv", "episodes.parquet", "talk.mp4.episodes.vtt"}
    for name, table in (("shares", report.shares()), ("episodes", report.episodes())):
        pd.testing.assert_frame_equal(pd.read_parquet(files[f"{name}.parquet"]), table, check_dtype=False)
        again = pd.read_csv(files[f"{name}.csv"], dtype={"track": str}, keep_default_na=False, na_values=[""])
        assert again["label"].tolist() == table["label"].tolist()
    vtt = tmp_path / "again.vtt"
    vtt.write_text(files["talk.mp4.episodes.vtt"].read_text())
    assert [(cue.start_s, cue.end_s) for cue in read_transcript(vtt)] == [(4.75, 9.75)]


def test_settings_change_what_counts(tmp_path: Path) -> None:
    path = write(tmp_path / "talk.csv", steady(40, 0.5, anger=0.4))
    assert lines(kaoiro.report(path))["anger"].above == 0
    assert lines(kaoiro.report(path, settings=Settings(threshold=0.3)))["anger"].above == 1
    rule = replace(Settings().rule, on=0.35)
    assert len(kaoiro.report(path, settings=Settings(rule=rule)).episodes()) == 1


def test_files_for_another_number_of_recordings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.srt").write_text(SRT)
    path = write(tmp_path / "talk.csv", steady(20))
    with pytest.raises(InputError, match="1 files of transcripts for 2 recordings"):
        kaoiro.report([path, path], transcripts=[tmp_path / "t.srt"])
    with pytest.raises(InputError, match="no such file"):
        kaoiro.report(path, events=tmp_path / "none.csv")
    with pytest.raises(InputError, match="language must be en or ja"):
        kaoiro.report(path, language="de")
    with pytest.raises(InputError, match="nothing to report on"):
        kaoiro.report([])


def test_a_level_of_the_noise_floor_may_be_named(tmp_path: Path) -> None:
    digest = modelfile.load().digest
    path = write(tmp_path / "talk.csv", steady(20))
    floors = floor_file(tmp_path / "floors.json", digest, "high")
    assert kaoiro.report(path, noise_floor=floors, level="high").floors.level == "high"
    with pytest.raises(InputError, match="level of the noise floor must be one of high, not low"):
        kaoiro.report(path, noise_floor=floors, level="low")


def test_what_lies_beyond_the_recording_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.srt").write_text(SRT)
    (tmp_path / "e.csv").write_text("start_s,label\n3,within\n99,beyond\n100,beyond\n")
    path = write(tmp_path / "talk.csv", steady(40, 0.5))
    report = kaoiro.report(path, transcripts=tmp_path / "t.srt", events=tmp_path / "e.csv")
    assert report.recordings[0].outside == {"events": 2, "cues": 1}
    assert document.document(report)["recordings"][0]["outside"] == {"events": 2, "cues": 1}
    told = [notes.in_words(note) for note in report.recordings[0].told]
    assert any(words.startswith("2 events lie beyond the end") for words in told)
    assert any(words.startswith("1 line of the transcript lies beyond") for words in told)
    assert kaoiro.report(path).recordings[0].outside == {"events": 0, "cues": 0}


def test_notes_are_the_same_sentences_as_on_the_page(tmp_path: Path) -> None:
    path = write(tmp_path / "talk.parquet", [one for n in range(200) for one in two_people(n)])
    report = kaoiro.report(path, baseline="auto")
    assert {note.key for note in report.recordings[0].told} >= {"model_unknown", "tracks"}
    slow = write(tmp_path / "slow.csv", [row(0.5 * n, anger=0.5 + 0.4 * math.sin(n / 60)) for n in range(2000)])
    (note,) = [one for one in kaoiro.report(slow).recordings[0].told if one.key.startswith("cut")]
    assert note.key == "cut_much" and "(10 s; " in notes.in_words(note)
    keys = {"no_rest", "events_outside", "cues_outside", "analysis", "model_unknown", "coverage"}
    keys |= {"largest", "chosen", "tracks", "short", "cut", "cut_much"}
    for language in ("en", "ja"):
        assert {f"note_{key}" for key in keys} <= set(document.texts()[language])


def test_pose_is_estimated_from_five_points(tmp_path: Path) -> None:
    def pointed(n: int) -> Any:
        bow = 8.0 if n >= 150 else 0.0  # pixels by which the nose comes down
        points = {"nose_x": 45.0, "nose_y": 60.0 + bow, "mouth_left_x": 25.0, "mouth_right_x": 65.0}
        return row(0.5 * n) | points | {"mouth_left_y": 80.0, "mouth_right_y": 80.0}

    known = kaoiro.report(write(tmp_path / "a.parquet", map(pointed, range(200)))).recordings[0].confounds
    assert known.yaw is not None and known.pitch is not None
    assert known.yaw.median == pytest.approx(0, abs=1e-6)
    assert known.reading == pytest.approx(0.25)
    assert known.pitch.low < -40 < known.pitch.median < 0
    tilted = pd.read_parquet(tmp_path / "a.parquet").assign(pitch=-30.0, yaw=5.0)
    tilted.to_parquet(tmp_path / "b.parquet")
    other = kaoiro.report(tmp_path / "b.parquet").recordings[0].confounds
    assert (other.reading, other.pitch.median, other.yaw.median) == (1.0, -30.0, 5.0)  # pyright: ignore[reportOptionalMemberAccess]


def test_tables_hold_no_formulas(tmp_path: Path) -> None:
    (tmp_path / "t.srt").write_text(SRT.replace("Hello", "=HYPERLINK(1)"))
    path = write(tmp_path / "talk.csv", steady(40, 0.5, source="+talk.mp4"))
    report = kaoiro.report(path, transcripts=tmp_path / "t.srt")
    files = {one.name: one for one in report.export(tmp_path / "out")}
    assert pd.read_csv(files["+talk.mp4.transcript.csv"])["text"][0] == "'=HYPERLINK(1)"
    assert set(pd.read_csv(files["shares.csv"])["recording"]) == {"'+talk.mp4"}
    assert set(pd.read_parquet(files["shares.parquet"])["recording"]) == {"+talk.mp4"}


# ---- the page

HOSTILE = "</script><script>window.hit=1</script><img src=x onerror=window.hit=1>%DATA%&lt;.mp4"


def hostile(tmp_path: Path) -> str:
    (tmp_path / "t.srt").write_text(SRT.replace("Hello", f"a {HOSTILE} b</SCRIPT>"))
    (tmp_path / "e.csv").write_text(f'start_s,label\n3,"{HOSTILE}"\n')
    path = write(tmp_path / "talk.csv", steady(40, 0.5, source=HOSTILE))
    out = tmp_path / "report.html"
    kaoiro.report(path, out, transcripts=tmp_path / "t.srt", events=tmp_path / "e.csv", language="ja")
    return out.read_text(encoding="utf-8")


def test_what_others_wrote_cannot_act(tmp_path: Path) -> None:
    page = hostile(tmp_path)
    assert len(re.findall(r"<script", page, re.IGNORECASE)) == 3
    assert len(re.findall(r"</script", page, re.IGNORECASE)) == 3
    assert "<img" not in page
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0])
    assert data["recordings"][0]["events"][0]["text"] == HOSTILE
    assert page.startswith('<!doctype html>\n<html lang="ja">')


def test_the_page_names_no_other_host(tmp_path: Path) -> None:
    page = hostile(tmp_path)
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of a vocabulary, which nobody visits
    assert "default-src 'none'" in page
    assert not re.search(r"@import|url\((?!#|data:)|src=\"(?!data:)|href=\"(?!#|data:)", page.split('id="texts"')[0])


def test_both_languages_have_every_text() -> None:
    texts = document.texts()
    assert set(texts["en"]) == set(texts["ja"])
    scripts = ("common.js", "charts.js", "summary.js", "sections.js", "page.js")
    code = "".join((PAGE / name).read_text(encoding="utf-8") for name in scripts)
    used = set(re.findall(r'\bt\(\s*"(\w+)"', code)) | set(
        re.findall(r'data-t="(\w+)"', (PAGE / "page.html").read_text())
    )
    assert used <= set(texts["en"])
    for name in texts["en"]:
        places = [set(re.findall(r"\{(\w+)\}", json.dumps(texts[language][name]))) for language in ("en", "ja")]
        assert places[0] == places[1], name


def test_labels_and_colours_are_those_of_the_service() -> None:
    service = (SERVICE / "texts.js").read_text(encoding="utf-8")
    english, japanese = service.split("\n  ja: {")
    names = [*LABELS, "valence", "arousal", *re.findall(r"\n    (au_\d+):", english)]
    for language, text in (("en", english), ("ja", japanese)):
        wished = {name: re.findall(rf'\n    {name}: "(.*?)"', text)[0] for name in names}
        assert {name: document.texts()[language][name] for name in names} == wished
    colours = [
        re.findall(r"--(?:anger|fear|sadness|neutral): #\w+", (folder / style).read_text())
        for folder, style in ((SERVICE, "style.css"), (PAGE, "common.css"))
    ]
    assert colours[0] == colours[1] and len(colours[0]) == 8


def test_pictures_come_from_the_video_beside_the_records(tmp_path: Path) -> None:
    write_video(tmp_path / "talk.mp4", regular(100, 10), size=(320, 192))
    rows = [row(round(0.1 * n, 6), 0, 60, happiness=float(n >= 50)) for n in range(100)]
    out = tmp_path / "report.html"
    report = kaoiro.report(write(tmp_path / "talk.csv", rows), out)
    one = report.recordings[0]
    assert one.pictures.resolution == (320, 192) and one.confounds.light is not None
    assert len(one.pictures.shown) >= 1 and list(one.pictures.faces) == [0]
    data = document.document(report, tmp_path)["recordings"][0]
    assert data["video"] == "talk.mp4"
    assert data["lanes"][0]["episodes"][0]["face"].startswith("data:image/jpeg;base64,")


def test_blurred_reports_show_nobody_and_play_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import base64
    import io

    from PIL import Image

    from kaoiro.inference.report import pictures

    class Blind:
        def __init__(self, **settings: Any) -> None: ...
        def working_size(self, width: int, height: int, face: float | None = None) -> tuple[int, int]:
            return width, height

        def detect(self, image: np.ndarray) -> list[Any]:
            return []

    monkeypatch.setattr(pictures, "CenterFace", Blind)
    write_video(tmp_path / "talk.mp4", regular(20, 10), size=(320, 192))
    path = write(tmp_path / "talk.csv", [row(round(0.1 * n, 6), 0, 150) for n in range(20)])
    contrasts = {}
    for blur in (False, True):
        report = kaoiro.report(path, blur_faces=blur)
        data = document.document(report, tmp_path)["recordings"][0]
        image = Image.open(io.BytesIO(base64.b64decode(data["pictures"][0]["src"].partition(",")[2])))
        contrasts[blur] = np.asarray(image.convert("L"), float)[20:120, 20:120].std()
        assert data["video"] == (None if blur else "talk.mp4")
    assert contrasts[True] < 0.8 * contrasts[False]


def test_points_pictures_and_lanes_of_a_page_are_bounded(tmp_path: Path) -> None:
    rows = [row(round(0.5 * n, 6), n // 300, fear=float(n % 20 < 10)) for n in range(9000)]
    report = kaoiro.report(write(tmp_path / "long.parquet", rows), track="0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15")
    data = document.document(report)["recordings"][0]
    assert len(data["lanes"]) == 13
    assert len(data["lanes"][0]["curves"]["t"]) <= 3 * document.POINTS
    assert len(data["lanes"][0]["episodes"]) <= document.MOST_EPISODES
    low, high = data["lanes"][0]["curves"]["bands"]["fear"]
    assert (min(low), max(high)) == (0.0, 1.0)
