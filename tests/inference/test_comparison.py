from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tables_of_records import manifest, row, steady, write

import kaoiro
from kaoiro.core.errors import InputError
from kaoiro.core.labels import EXPRESSIONS
from kaoiro.core.types import expression_column
from kaoiro.inference.comparison import document
from kaoiro.inference.comparison.making import SETTINGS
from kaoiro.inference.comparison.people import read_people
from kaoiro.inference.floor import FloorTable, Level
from kaoiro.inference.recording import EXPRESSION_COLUMNS
from kaoiro.inference.report.measured import Settings
from kaoiro.timeline.floors import Floor
from kaoiro.timeline.intervals import Blocks

PAGE = Path(document.__file__).parent / "page"
SHARED = PAGE.parents[1] / "report" / "page"
MODEL = "digest-of-the-model"


def recorded(folder: Path, name: str, count: int = 120, **scores: float) -> Path:
    """A minute in which every score swings about the value that is named, which is its mean."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).normal(scale=0.005, size=count)
    swing = (noise - noise.mean()).tolist()
    rows = [
        row(0.5 * n, source=f"{name}.mp4", **{key: value + aside for key, value in scores.items()})
        for n, aside in enumerate(swing)
    ]
    return write(folder / f"{name}.csv", rows)


def series(folder: Path, side: str, levels: Sequence[float]) -> list[Path]:
    """One recording for each level of happiness."""
    return [recorded(folder, f"{side}-{n}", happiness=level) for n, level in enumerate(levels, 1)]


def known(folder: Path, *names: str, digest: str = MODEL) -> None:
    manifest(folder, {f"{name}.mp4": digest for name in names})


def floor_file(path: Path, floor: float = 0.01, digest: str = MODEL, level: str = "medium", **more: float) -> Path:
    columns = {}
    for name, value in {**dict.fromkeys(EXPRESSION_COLUMNS, floor), **more}.items():
        rest = {field.name: math.nan for field in fields(Floor)}
        columns[name] = [Floor(**(rest | {"minutes": 1.0, "floor": value, "sd": value / 3, "rare": 2 * value}))]
    FloorTable("m", digest, {level: Level(2, 4, columns)}).save(path)
    return path


def line(comparison: Any, label: str, kind: str = "raw") -> pd.Series:
    table = comparison.changes()
    return table[(table["kind"] == kind) & (table["label"] == label)].iloc[0]


def test_three_against_three_is_what_the_hand_computes(tmp_path: Path) -> None:
    found = kaoiro.compare(series(tmp_path, "before", (0.1, 0.12, 0.14)), series(tmp_path, "after", (0.3, 0.32, 0.4)))
    one = line(found, "happiness")
    assert (one["before"], one["after"], one["difference"]) == pytest.approx((0.12, 0.34, 0.22))
    assert (found.least, found.possible, found.single) == (pytest.approx(0.1), False, False)
    assert (one["p"], one["adjusted_p"]) == pytest.approx((0.1, 0.4))  # two of eight labels move
    variance = (0.0008 + 0.0056) / 4  # squares about the means of the sides, by four degrees of freedom
    reach = 2.776445 * math.sqrt(2 / 3 * variance)
    assert (one["low"], one["high"]) == pytest.approx((0.22 - reach, 0.22 + reach), rel=1e-5)
    assert (one["smallest_without"], one["largest_without"]) == pytest.approx((0.31 - 0.12, 0.36 - 0.12))
    assert (one["carried_by"], one["smallest_p_without"]) == ("after-3.mp4", pytest.approx(0.1))
    assert line(found, "anger")["p"] == 1
    assert one["verdict"] == "unmeasured"


def test_one_against_one_is_tested_against_the_floor_alone(tmp_path: Path) -> None:
    known(tmp_path, "before-1", "after-1")
    pair = series(tmp_path, "before", [0.1]), series(tmp_path, "after", [0.3])
    found = kaoiro.compare(*pair, noise_floor=floor_file(tmp_path / "floor.json"))
    one = line(found, "happiness")
    assert found.single and found.least == 1.0 and found.possible
    assert one["verdict"] == "signal" and one["p"] < 1e-6
    assert one["high"] - one["low"] < 0.1 < one["noise_high"] - one["noise_low"] + 0.1
    assert math.isnan(one["smallest_without"]) and one["carried_by"] == "" and not one["hangs"]
    wide = kaoiro.compare(*pair, noise_floor=floor_file(tmp_path / "wide.json", 0.25))
    assert set(wide.changes()["verdict"]) == {"below the noise floor"}
    none = kaoiro.compare(*pair)
    assert set(none.changes()["verdict"]) == {"unmeasured"}
    assert none.changes()["p"].isna().all(), "within one recording nothing tells what another day would give"


def test_with_enough_recordings_a_planted_change_is_a_signal_and_none_is_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sides = {"before": 0.2, "null": 0.2, "after": 0.3}
    given = {side: series(tmp_path, side, 0.02 * rng.normal(size=6) + mean) for side, mean in sides.items()}
    known(tmp_path, *(f"{side}-{n}" for side in sides for n in range(1, 7)))
    floors = floor_file(tmp_path / "floor.json", 0.03)
    planted = kaoiro.compare(given["before"], given["after"], noise_floor=floors)
    assert line(planted, "happiness")["verdict"] == line(planted, "neutral")["verdict"] == "signal"
    assert line(planted, "anger")["verdict"] == "below the noise floor"
    assert planted.least == pytest.approx(2 / 924) and not line(planted, "happiness")["hangs"]
    null = kaoiro.compare(given["before"], given["null"], noise_floor=floors)
    assert "signal" not in set(null.changes()["verdict"])


def test_three_against_three_can_never_be_a_signal(tmp_path: Path) -> None:
    given = series(tmp_path, "before", (0.1, 0.1001, 0.1002)), series(tmp_path, "after", (0.9, 0.9001, 0.9002))
    known(tmp_path, *(f"{side}-{n}" for side in ("before", "after") for n in (1, 2, 3)))
    found = kaoiro.compare(*given, noise_floor=floor_file(tmp_path / "floor.json"))
    assert line(found, "happiness")["verdict"] == "uncertain"
    assert found.least_alone == pytest.approx(0.8)


def test_a_change_that_one_recording_makes_is_said_to_hang_on_it(tmp_path: Path) -> None:
    after = series(tmp_path, "after", (0.1, 0.101, 0.4))
    known(tmp_path, *(f"{side}-{n}" for side in ("before", "after") for n in (1, 2, 3)))
    floors = floor_file(tmp_path / "floor.json", 0.05)
    found = kaoiro.compare(series(tmp_path, "before", (0.099, 0.102, 0.103)), after, noise_floor=floors)
    assert line(found, "happiness")["hangs"] and line(found, "happiness")["carried_by"] == "after-3.mp4"
    left = found.left_out().set_index(["kind", "label", "without"])
    assert left["difference"]["raw", "happiness", "after-3.mp4"] == pytest.approx(0.1005 - 0.304 / 3)


def of_people(folder: Path) -> tuple[list[Path], list[Path]]:
    """Anna once on each side, Ben twice before and once after, Carl after only; all files with the same names."""
    levels = {"anna": ((0.1,), (0.3,)), "ben": ((0.5, 0.52), (0.8,)), "carl": ((), (0.9,))}
    found: tuple[list[Path], list[Path]] = ([], [])
    for person, sides in levels.items():
        for paths, side, values in zip(found, ("before", "after"), sides, strict=True):
            paths += series(folder / person, side, values)
    return found


def test_people_are_compared_with_nobody_but_themselves(tmp_path: Path) -> None:
    found = kaoiro.compare(*of_people(tmp_path), by="person")
    weights = 1 / 2, 2 / 3
    wished = (weights[0] * 0.2 + weights[1] * (0.8 - 0.51)) / sum(weights)
    one = line(found, "happiness")
    assert one["difference"] == pytest.approx(wished)
    assert one["after"] - one["before"] == pytest.approx(wished)
    assert (found.before, found.after, found.people) == (3, 2, ["anna", "ben"])
    assert found.least == pytest.approx(1 / 6)
    assert [note.names for note in found.notes if note.key == "one_side"] == [("carl",)]
    table = found.recordings().drop_duplicates("recording").set_index("recording")
    assert table["compared"].to_dict() == {
        "anna/before-1.mp4": True,
        "ben/before-1.mp4": True,
        "before-2.mp4": True,
        "anna/after-1.mp4": True,
        "ben/after-1.mp4": True,
        "carl/after-1.mp4": False,
    }
    together = kaoiro.compare(*of_people(tmp_path))
    assert together.people == [""] and "one_person" in {note.key for note in together.notes}


def test_nobody_on_both_sides_is_an_error_that_names_them(tmp_path: Path) -> None:
    before, after = series(tmp_path / "anna", "a", [0.1]), series(tmp_path / "ben", "b", [0.2])
    with pytest.raises(InputError, match=r"nobody was recorded both before and after: anna \(before only\), ben \(aft"):
        kaoiro.compare(before, after, by="person")


def test_a_table_says_who_is_who_and_which_face(tmp_path: Path) -> None:
    rows = [row(0.5 * n, track, happiness=0.1 * track, source="one.mp4") for n in range(120) for track in (1, 2)]
    before = [write(tmp_path / "one.csv", rows), recorded(tmp_path, "two", happiness=0.5)]
    after = [recorded(tmp_path, "three", happiness=0.6), recorded(tmp_path, "four", happiness=0.7)]
    table = tmp_path / "people.csv"
    table.write_text("recording, person, track\none.csv,anna,2\ntwo.mp4,ben\nthree.csv,anna,\nfour.mp4,ben,0\n")
    found = kaoiro.compare(before, after, by="person", people=table)
    assert [one.given.person for one in found.everything] == ["anna", "ben", "anna", "ben"]
    assert [one.lane.name for one in found.everything] == ["2", "0", "0", "0"]
    assert line(found, "happiness")["before"] == pytest.approx((0.2 + 0.5) / 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("recording;person\na.csv;x\n", "have the columns recording, person and perhaps track"),
        ("recording,person\n", "names nobody"),
        ("recording,person\na.csv,\n", "line 2: lacks the person"),
        ("recording,person\n,x\n", "line 2: lacks the recording"),
        ("recording,person\na.csv,x\nc.csv,y\n", "line 3: no recording is called c.csv; there are a.mp4, b.mp4"),
        ("recording,person\na.csv,x\n", "does not say whose b.mp4 is"),
        ("recording,person\na.csv,x\nb.csv,x\na.mp4,y\n", "line 4: line 2 already says whose a.mp4 is"),
    ],
)
def test_a_table_of_people_that_does_not_fit_is_refused(tmp_path: Path, text: str, words: str) -> None:
    before, after = (recorded(tmp_path, name, happiness=level) for name, level in (("a", 0.1), ("b", 0.2)))
    table = tmp_path / "people.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=re.escape(words)):
        kaoiro.compare(before, after, by="person", people=table)
    with pytest.raises(InputError, match="counts only --by person"):
        kaoiro.compare(before, after, people=table)


def test_a_name_that_two_files_have_must_be_written_out(tmp_path: Path) -> None:
    before, after = (recorded(tmp_path / name, "a", happiness=level) for name, level in (("x", 0.1), ("y", 0.2)))
    table = tmp_path / "people.csv"
    table.write_text("recording,person\na.csv,anna\n")
    with pytest.raises(InputError, match="write the file as it was given"):
        kaoiro.compare(before, after, by="person", people=table)
    table.write_bytes(f"recording,person\r\n{before},anna\r\n{after},anna\r\n".encode("utf-8-sig"))
    assert kaoiro.compare(before, after, by="person", people=table).people == ["anna"]
    assert [entry.line for entry in read_people(table)] == [2, 3]


def test_the_same_recording_counts_once(tmp_path: Path) -> None:
    a, b = (recorded(tmp_path, name, happiness=level) for name, level in (("a", 0.1), ("b", 0.2)))
    copy = tmp_path / "copy.csv"
    copy.write_text(a.read_text().replace("a.mp4", "c.mp4"))
    for before, after, words in (
        ([a], [b, a], "both --before and --after"),
        ([a, tmp_path / "." / "a.csv"], [b], "twice --before"),
        ([a], [copy, b], "a.mp4 .* and c.mp4 .* are the same recording, on both sides"),
        ([b], [copy, a], "are the same recording, twice on one side"),
    ):
        with pytest.raises(InputError, match=words):
            kaoiro.compare(before, after)


def test_a_table_may_hold_several_recordings(tmp_path: Path) -> None:
    rows = [one for n, level in enumerate((0.1, 0.2)) for one in steady(60, source=f"{n}.mp4", happiness=level)]
    found = kaoiro.compare(write(tmp_path / "all.csv", rows), recorded(tmp_path, "after", happiness=0.5))
    assert (found.before, found.after) == (2, 1)
    assert line(found, "happiness")["before"] == pytest.approx(0.15)


def test_a_recording_without_the_face_is_an_error_and_a_poor_one_is_told(tmp_path: Path) -> None:
    seen, after = steady(60, source="seen.mp4"), recorded(tmp_path, "after", happiness=0.5)
    nobody = [row(0.1 * n, None, source="nobody.mp4") for n in range(60)]
    with pytest.raises(InputError, match=r"both.csv: no face in it of nobody.mp4"):
        kaoiro.compare(write(tmp_path / "both.csv", [*seen, *nobody]), after)
    rows = [row(0.5 * n, 0 if n % 3 == 0 else None, source="rare.mp4") for n in range(60)]
    found = kaoiro.compare(write(tmp_path / "rare.csv", rows), after)
    told = {note.key: note.names for note in found.notes}
    assert told["short"] == told["hardly_seen"] == ("rare.mp4",)
    assert found.before == 1


def test_recordings_of_different_models_are_refused_and_unknown_ones_have_no_floor(tmp_path: Path) -> None:
    a, b = (recorded(tmp_path / name, name, happiness=level) for name, level in (("a", 0.1), ("b", 0.2)))
    known(tmp_path / "a", "a")
    floors = floor_file(tmp_path / "floor.json")
    found = kaoiro.compare(a, b, noise_floor=floors)
    assert {note.key: note.names for note in found.notes}["model_unknown"] == ("b.mp4",)
    assert set(found.changes()["verdict"]) == {"unmeasured"} and found.model is None
    known(tmp_path / "b", "b", digest="another-digest")
    with pytest.raises(
        InputError, match=r"digest-of-th \(a.mp4\), another-dige \(b.mp4\); analyze all of them with one"
    ):
        kaoiro.compare(a, b, noise_floor=floors)


def test_a_floor_of_another_model_is_refused_where_it_was_named(tmp_path: Path) -> None:
    a, b = (recorded(tmp_path, name, happiness=level) for name, level in (("a", 0.1), ("b", 0.2)))
    known(tmp_path, "a", "b")
    with pytest.raises(InputError, match="measured with another model"):
        kaoiro.compare(a, b, noise_floor=floor_file(tmp_path / "floor.json", digest="other"))
    shipped = kaoiro.compare(a, b)
    assert shipped.floors.table is None and "floor_other_model" in {note.key for note in shipped.notes}
    with pytest.raises(InputError, match="level of the noise floor must be one of medium, not own"):
        kaoiro.compare(a, b, noise_floor=floor_file(tmp_path / "floor.json"), level="own")


def test_floors_hold_for_the_recording_seen_shortest_and_for_columns_that_they_have(tmp_path: Path) -> None:
    rising = [
        recorded(tmp_path, "a", 120, happiness=0.1, valence=0.1),
        recorded(tmp_path, "b", 30, happiness=0.2, valence=0.5),
    ]
    known(tmp_path, "a", "b")
    found = kaoiro.compare(rising[0], rising[1], noise_floor=floor_file(tmp_path / "floor.json"))
    assert found.floors.minutes == pytest.approx(0.25)
    assert line(found, "happiness")["floor"] == pytest.approx(0.01 * 2)  # a quarter of the shortest length
    assert line(found, "valence", "signal")["verdict"] == "unmeasured"
    more = kaoiro.compare(rising[0], rising[1], noise_floor=floor_file(tmp_path / "more.json", valence=0.9))
    assert line(more, "valence", "signal")["verdict"] == "below the noise floor"


def test_changes_from_rest_are_compared_where_all_have_one(tmp_path: Path) -> None:
    before, after = series(tmp_path, "before", [0.1]), series(tmp_path, "after", [0.3])
    rest = write(tmp_path / "rest.csv", steady(30, happiness=0.05))
    found = kaoiro.compare(before, after, baseline=rest)
    one = line(found, "happiness", "change")
    assert (one["before"], one["after"], one["difference"]) == pytest.approx((0.05, 0.25, 0.2))
    own = line(kaoiro.compare(before, after, baseline="auto"), "happiness", "change")
    assert abs(own["difference"]) < 0.05, "what lasts throughout a recording is its rest"
    short = recorded(tmp_path, "short", 10, happiness=0.7)
    some = kaoiro.compare(before, [*after, short], baseline="auto")
    assert [family.kind for family in some.families] == ["raw"]
    assert {note.key: note.names for note in some.notes}["no_rest"] == ("short.mp4",)
    with pytest.raises(InputError, match="one resting face for 3 people"):
        kaoiro.compare(*of_people(tmp_path / "people"), by="person", baseline=rest)


def test_signals_are_compared_as_far_as_all_recordings_have_them(tmp_path: Path) -> None:
    before = recorded(tmp_path, "a", happiness=0.1, valence=0.2, au_12=0.3)
    after = recorded(tmp_path, "b", happiness=0.2, valence=-0.2)
    found = kaoiro.compare(before, after)
    assert [family.labels for family in found.families if family.kind == "signal"] == [("valence",)]
    assert line(found, "valence", "signal")["difference"] == pytest.approx(-0.4)


def test_sides_that_were_made_otherwise_are_told(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / f"{name}.csv", [row(0.5 * n, 0, size, source=f"{name}.mp4") for n in range(120)])
        for name, size in (("a", 100.0), ("b", 160.0))
    ]
    found = {one.name: one for one in kaoiro.compare(paths[0], paths[1]).contrasts}
    assert (found["face_size"].before, found["face_size"].after, found["face_size"].differs) == (100, 160, True)
    assert not found["sharpness"].differs and not found["light"].differs
    assert math.isnan(found["light"].before) and found["coverage"].before == 1


def test_exports_can_be_read_again(tmp_path: Path) -> None:
    found = kaoiro.compare(series(tmp_path, "before", (0.1, 0.2)), series(tmp_path, "after", (0.3, 0.4)))
    files = {path.name: path for path in found.export(tmp_path / "out")}
    tables = {"changes": found.changes(), "recordings": found.recordings(), "left-out": found.left_out()}
    assert set(files) == {f"{name}.{kind}" for name in tables for kind in ("csv", "parquet")}
    for name, table in tables.items():
        pd.testing.assert_frame_equal(pd.read_parquet(files[f"{name}.parquet"]), table)
        again = pd.read_csv(files[f"{name}.csv"], keep_default_na=False, na_values=[""])
        assert list(again) == list(table) and again["label"].tolist() == table["label"].tolist()
    shares = tables["recordings"].query("kind == 'raw' and label == 'happiness'")
    assert shares["share"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert (shares["minutes"] == 1).all() and (shares["sd"] > 0).all()


def test_recordings_of_one_event_are_left_out_together(tmp_path: Path) -> None:
    before, after = series(tmp_path, "before", (0.1, 0.12, 0.2)), series(tmp_path, "after", (0.3, 0.4))
    table = tmp_path / "events.csv"
    lines = ["before-1.csv,may", "before-2.csv,may", "before-3.csv,", "after-1.csv,", "after-2.csv,"]
    table.write_text("recording,event\n" + "\n".join(lines) + "\n")
    found = kaoiro.compare(before, after, people=table)
    assert [(unit.kind, unit.name, unit.rows) for unit in found.units][:2] == [
        ("event", "may", (0, 1)),
        ("recording", "before-3.mp4", (2,)),
    ]
    left = found.left_out().query("kind == 'raw' and label == 'happiness'").set_index("without")
    assert left["difference"]["may"] == pytest.approx(0.35 - 0.2)
    assert (left["left_out"]["may"], left["side"]["may"], left["person"]["may"]) == ("event", "before", "")
    assert line(found, "happiness")["carried_by"] == "may"
    assert [one["name"] for one in document.document(found)["units"]] == list(left.index)
    assert set(found.recordings()["event"]) == {"may", ""}


def test_people_with_one_recording_on_a_side_are_left_out_as_a_whole(tmp_path: Path) -> None:
    levels = {"anna": ((0.1,), (0.3,)), "ben": ((0.5, 0.52), (0.8,)), "carl": ((0.15, 0.17), (0.25, 0.27))}
    sides: tuple[list[Path], list[Path]] = ([], [])
    for person, values in levels.items():
        for paths, side, some in zip(sides, ("before", "after"), values, strict=True):
            paths += series(tmp_path / person, side, some)
    found = kaoiro.compare(*sides, by="person")
    names = [(unit.kind, unit.name) for unit in found.units]
    assert names[:2] == [("person", "anna"), ("person", "ben")] and len(names) == 6
    assert line(found, "happiness")["carried_by"] == "ben"
    left = found.left_out().query("kind == 'raw' and label == 'happiness'").set_index("without")
    weights = np.array([1 / 2, 1])  # n_after n_before / (n_after + n_before) of Anna and Carl
    assert left["difference"]["ben"] == pytest.approx(weights @ [0.2, 0.1] / weights.sum())
    assert left["side"]["ben"] == "" and left["person"]["ben"] == "ben"


def slow(folder: Path, name: str, level: float, minutes: float = 5.0) -> Path:
    """A recording whose face changes over many minutes."""
    rows = [
        row(0.5 * n, source=f"{name}.mp4", happiness=level + 0.01 * math.sin(n / 60)) for n in range(int(120 * minutes))
    ]
    return write(folder / f"{name}.parquet", rows)


def test_a_single_recording_whose_memory_is_far_longer_than_blocks_is_no_signal(tmp_path: Path) -> None:
    pair = [slow(tmp_path, name, level) for name, level in (("a", 0.1), ("b", 0.5))]
    known(tmp_path, "a", "b")
    floors = floor_file(tmp_path / "floor.json")
    short = kaoiro.compare(*pair, noise_floor=floors, settings=Settings(blocks=Blocks(longest_s=5.0)))
    assert line(short, "happiness")["verdict"] == "uncertain"
    assert {note.key: note.labels for note in short.notes}["far_cut"] == ("happiness", "neutral")
    assert "in Happiness, Neutral:" in document.in_words(next(one for one in short.notes if one.key == "far_cut"))
    found = kaoiro.compare(*pair, noise_floor=floors)
    assert line(found, "happiness")["verdict"] == "signal" and "far_cut" not in {one.key for one in found.notes}
    assert found.everything[0].means["raw"].longest_s == pytest.approx(30, abs=0.1)
    assert SETTINGS.blocks.longest_s == 60 == found.settings.blocks.longest_s


def test_the_floor_holds_for_single_recordings_only_where_it_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = series(tmp_path, "before", [0.4]), series(tmp_path, "after", [0.6])
    known(tmp_path, "before-1", "after-1", "before-2", "after-2")
    floors = floor_file(tmp_path / "floor.json")
    for ends, expected in (((0.0, 0.1), "uncertain"), ((0.0, 0.41), "signal"), ((math.nan, math.nan), "signal")):
        monkeypatch.setattr(
            FloorTable, "rest", lambda self, names, *of, ends=ends: tuple(np.full(len(names), one) for one in ends)
        )
        found = kaoiro.compare(*pair, noise_floor=floors)
        assert line(found, "happiness")["verdict"] == expected
        assert ("off_rest" in {note.key for note in found.notes}) is (expected == "uncertain")
    monkeypatch.setattr(
        FloorTable, "rest", lambda self, names, *of: (np.full(len(names), 0.0), np.full(len(names), 0.01))
    )
    before, after = series(tmp_path, "before", (0.4, 0.41)), series(tmp_path, "after", (0.6, 0.61))
    several = kaoiro.compare(before, after, noise_floor=floors)
    assert not any(family.off_rest for family in several.families), "rearranging needs no null recordings"


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    a, b = (recorded(tmp_path, name, happiness=level) for name, level in (("a", 0.1), ("b", 0.2)))
    for given, words in (
        ({"before": [], "after": a}, "nothing to compare: give a video or its records --before"),
        ({"before": a, "after": tmp_path / "none.csv"}, "none.csv: no such file"),
        ({"before": a, "after": b, "language": "de"}, "language must be en or ja"),
        ({"before": a, "after": b, "by": "dog"}, "compared by must be person, not dog"),
        ({"before": a, "after": b, "noise_floor": a}, "no table of noise floors"),
        ({"before": a, "after": b, "track": 9}, "no track 9"),
    ):
        with pytest.raises(InputError, match=words):
            kaoiro.compare(**given)


# ---- the page

HOSTILE = "</script><script>window.hit=1</script><img src=x onerror=window.hit=1>%DATA%&lt;.mp4"


def test_what_others_wrote_cannot_act(tmp_path: Path) -> None:
    before = write(tmp_path / "a.csv", steady(60, source=HOSTILE, happiness=0.1))
    table = tmp_path / "people.csv"
    table.write_text(f'recording,person\na.csv,"{HOSTILE}"\nb.csv,"{HOSTILE}"\n')
    out = tmp_path / "compare.html"
    kaoiro.compare(before, recorded(tmp_path, "b", happiness=0.2), out, by="person", people=table, language="ja")
    page = out.read_text(encoding="utf-8")
    assert len(re.findall(r"<script", page, re.IGNORECASE)) == len(re.findall(r"</script", page, re.IGNORECASE)) == 3
    assert "<img" not in page and page.startswith('<!doctype html>\n<html lang="ja">')
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0])
    assert (data["recordings"][0]["name"], data["people"]) == (HOSTILE.rsplit("/", 1)[-1], [HOSTILE])
    assert set(re.findall(r"https?://[^\s\"'<)]+", page)) == {"http://www.w3.org/2000/svg"}


def test_both_languages_have_every_text() -> None:
    texts = document.texts()
    assert set(texts["en"]) == set(texts["ja"])
    files = [SHARED / "common.js", *(PAGE / name for name in ("drawing.js", "sections.js", "page.js"))]
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    used = set(re.findall(r'\bt\(\s*"(\w+)"', code)) | set(
        re.findall(r'data-t="(\w+)"', (SHARED / "page.html").read_text())
    )
    used |= {f"note_{key}" for key in re.findall(r'"(\w+)"', notes_code()) if f"note_{key}" in texts["en"]}
    assert used <= set(texts["en"])
    for name in texts["en"]:
        places = [set(re.findall(r"\{(\w+)\}", json.dumps(texts[language][name]))) for language in ("en", "ja")]
        assert places[0] == places[1], name


def notes_code() -> str:
    return (PAGE.parent / "notes.py").read_text(encoding="utf-8")


def test_every_note_has_its_words() -> None:
    keys = set(re.findall(r'(?:Note\(|\n    \()"(\w+)"', notes_code())) | {"floor_other_model", "floor_no_table"}
    assert len(keys) > 8
    for language in ("en", "ja"):
        assert {f"note_{key}" for key in keys} <= set(document.texts()[language])


def test_labels_of_the_page_are_those_of_the_vocabulary(tmp_path: Path) -> None:
    found = kaoiro.compare(recorded(tmp_path, "a", happiness=0.1), recorded(tmp_path, "b", happiness=0.2))
    data = document.document(found)
    assert data["labels"] == list(EXPRESSIONS.labels)
    assert [one["label"] for one in data["families"][0]["rows"]] == list(EXPRESSIONS.labels)
    assert expression_column("anger") in EXPRESSION_COLUMNS
