from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from kaoiro.core.errors import DataError
from kaoiro.core.labels import EXPRESSIONS, FER2013, FERPLUS, FERPLUS_VOTES
from kaoiro.data.datasets import fer2013

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from fake.fer2013 import IMAGE_HEADER, VOTE_HEADER, clear_votes, write, write_votes

PIXELS = " ".join(["7"] * 48 * 48)
SMALL = {"Training": 8, "PublicTest": 4, "PrivateTest": 4}


def votes_of(**counts: int) -> np.ndarray:
    row = np.zeros(len(FERPLUS_VOTES), np.int64)
    for name, count in counts.items():
        row[FERPLUS_VOTES.index(name)] = count
    return row


def write_lines(path: Path, *lines: str) -> None:
    path.write_text("\n".join([*lines, ""]))


def test_reads_images_labels_parts_and_votes_in_file_order(tmp_path: Path) -> None:
    written = write(tmp_path, SMALL)
    data = fer2013.read(tmp_path)
    assert len(data) == 16
    np.testing.assert_array_equal(data.images, written.images)
    assert data.images.dtype == np.uint8
    np.testing.assert_array_equal(data.labels, written.labels)
    np.testing.assert_array_equal(data.usage, written.usage)
    np.testing.assert_array_equal(data.votes, written.votes)


def test_integer_labels_follow_the_official_order(tmp_path: Path) -> None:
    write_lines(tmp_path / "fer2013.csv", IMAGE_HEADER, *(f"{label},{PIXELS},Training" for label in range(7)))
    labels = fer2013.read(tmp_path).labels
    names = [FER2013.labels[label] for label in labels]
    assert names == ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]


def test_without_the_vote_table_there_are_no_votes(tmp_path: Path) -> None:
    write(tmp_path, SMALL, votes=False)
    assert fer2013.read(tmp_path).votes is None


def test_a_byte_order_mark_and_dos_line_ends_do_not_matter(tmp_path: Path) -> None:
    write(tmp_path, SMALL)
    for name in ("fer2013.csv", "fer2013new.csv"):
        text = (tmp_path / name).read_text()
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert len(fer2013.read(tmp_path)) == 16


def test_a_part_has_its_rows_and_their_votes(tmp_path: Path) -> None:
    written = write(tmp_path, SMALL)
    part = fer2013.read(tmp_path).part("PublicTest")
    np.testing.assert_array_equal(part.images, written.images[8:12])
    assert part.votes is not None
    np.testing.assert_array_equal(part.votes, written.votes[8:12])


def test_a_part_that_the_copy_lacks_is_named_with_those_it_has(tmp_path: Path) -> None:
    write(tmp_path, {"Training": 8, "PublicTest": 4})
    with pytest.raises(DataError, match=r"no PrivateTest rows \(present: PublicTest, Training\)"):
        fer2013.read(tmp_path).part("PrivateTest")


def test_votes_of_the_complete_table_fit_a_copy_that_lacks_a_part(tmp_path: Path) -> None:
    complete = write(tmp_path / "complete", SMALL)
    write(tmp_path / "copy", {"Training": 8, "PublicTest": 4}, votes=False)
    write_votes(tmp_path / "copy" / "fer2013new.csv", zip(complete.usage, complete.votes, strict=True))
    data = fer2013.read(tmp_path / "copy")
    np.testing.assert_array_equal(data.votes, complete.votes[:12])


def test_image_keys_are_equal_exactly_for_identical_images(tmp_path: Path) -> None:
    write(tmp_path, SMALL, duplicates=3)
    data = fer2013.read(tmp_path)
    keys = data.image_keys()
    same = np.array([[np.array_equal(a, b) for b in data.images] for a in data.images])
    np.testing.assert_array_equal(keys[:, None] == keys[None], same)
    assert same.sum() == 16 + 2 * 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"fer2013\.csv not found"):
        fer2013.read(tmp_path)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    write_lines(tmp_path / "fer2013.csv", IMAGE_HEADER)
    with pytest.raises(DataError, match=r"fer2013\.csv has no rows"):
        fer2013.read(tmp_path)


def test_an_empty_file_lacks_every_column(tmp_path: Path) -> None:
    (tmp_path / "fer2013.csv").write_text("")
    with pytest.raises(DataError, match=r"fer2013\.csv, line 1: lacks the columns emotion, pixels, Usage"):
        fer2013.read(tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    write_lines(tmp_path / "fer2013.csv", "emotion,pixels,part", f"0,{PIXELS},Training")
    with pytest.raises(DataError, match=r"fer2013\.csv, line 1: lacks the columns Usage"):
        fer2013.read(tmp_path)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"0,{PIXELS[:-2]},Training", "expected 2304 pixels, found 2303"),
        (f"0,{PIXELS} 7,Training", "expected 2304 pixels, found 2305"),
        ("0,,Training", "expected 2304 pixels, found 0"),
        (f"0,{PIXELS[:-1]}256,Training", "pixels must be 0-255, found 7 to 256"),
        (f"0,{PIXELS[:-1]}-1,Training", "pixels must be 0-255, found -1 to 7"),
        (f"0,{PIXELS[:-1]}x,Training", "pixels are not whole numbers"),
        (f"0,{PIXELS[:-1]}0.5,Training", "pixels are not whole numbers"),
        (f"0,{PIXELS[:-1]}{'9' * 30},Training", "pixels are not whole numbers"),
        (f"7,{PIXELS},Training", "emotion must be 0-6, found '7'"),
        (f"happy,{PIXELS},Training", "emotion must be 0-6, found 'happy'"),
        (f",{PIXELS},Training", "emotion must be 0-6, found ''"),
        (f"0,{PIXELS},Test", "Usage must be one of Training, PublicTest, PrivateTest, found 'Test'"),
        (f"0,{PIXELS}", "too few fields"),
        ("0", "too few fields"),
    ],
)
def test_a_malformed_image_row_is_refused_with_file_and_line(tmp_path: Path, row: str, reason: str) -> None:
    write_lines(tmp_path / "fer2013.csv", IMAGE_HEADER, f"0,{PIXELS},Training", row)
    with pytest.raises(DataError, match=r"fer2013\.csv, line 3: ") as error:
        fer2013.read(tmp_path)
    assert reason in str(error.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "fer2013.csv").write_bytes(f"{IMAGE_HEADER}\n0,".encode() + b"\xff\xfe\x00\n")
    with pytest.raises(DataError, match=r"fer2013\.csv, after line \d+: not a text table"):
        fer2013.read(tmp_path)


GOOD_VOTES = "Training,fer0000000.png,10,0,0,0,0,0,0,0,0,0"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Training,fer0000001.png,x,0,0,0,0,0,0,0,0,0", "votes must be whole numbers, found 'x'"),
        ("Training,fer0000001.png,-1,0,0,0,0,0,0,0,0,0", "votes must be whole numbers, found '-1'"),
        ("Training,fer0000001.png,,0,0,0,0,0,0,0,0,0", "votes must be whole numbers, found ''"),
        ("Training,fer0000001.png,10,0,0,0,0,0,0,0,0", "too few fields"),
        ("Train,fer0000001.png,10,0,0,0,0,0,0,0,0,0", "Usage must be one of"),
    ],
)
def test_a_malformed_vote_row_is_refused_with_file_and_line(tmp_path: Path, row: str, reason: str) -> None:
    write_lines(tmp_path / "fer2013.csv", IMAGE_HEADER, *[f"0,{PIXELS},Training"] * 2)
    write_lines(tmp_path / "fer2013new.csv", VOTE_HEADER, GOOD_VOTES, row)
    with pytest.raises(DataError, match=r"fer2013new\.csv, line 3: ") as error:
        fer2013.read(tmp_path)
    assert reason in str(error.value)


def test_a_missing_vote_column_is_named(tmp_path: Path) -> None:
    write_lines(tmp_path / "fer2013.csv", IMAGE_HEADER, f"0,{PIXELS},Training")
    write_lines(tmp_path / "fer2013new.csv", VOTE_HEADER.replace(",NF", ""), GOOD_VOTES.rpartition(",")[0])
    with pytest.raises(DataError, match=r"fer2013new\.csv, line 1: lacks the columns NF"):
        fer2013.read(tmp_path)


@pytest.mark.parametrize("rows", [0, 11, 17])
def test_a_vote_table_of_another_length_is_refused(tmp_path: Path, rows: int) -> None:
    written = write(tmp_path, SMALL)
    parts = [*written.usage, "Training"][:rows]
    write_votes(tmp_path / "fer2013new.csv", ((part, clear_votes("fear")) for part in parts))
    with pytest.raises(DataError, match=rf"fer2013new\.csv has {rows} rows for the 16 of fer2013\.csv"):
        fer2013.read(tmp_path)


def test_votes_whose_parts_differ_row_by_row_are_refused(tmp_path: Path) -> None:
    written = write(tmp_path, SMALL)
    parts = written.usage.copy()
    parts[[7, 8]] = parts[[8, 7]]
    write_votes(tmp_path / "fer2013new.csv", zip(parts, written.votes, strict=True))
    with pytest.raises(DataError, match=r"fer2013new\.csv does not .* image 8 is Training there, PublicTest here"):
        fer2013.read(tmp_path)


VOTES = [
    ("all for one", votes_of(happiness=10), "happiness", {"happiness": 1}),
    ("majority among several", votes_of(sadness=6, neutral=4), "sadness", {"sadness": 0.6, "neutral": 0.4}),
    (
        "single votes do not count",
        votes_of(neutral=4, happiness=1, surprise=1, sadness=1, anger=1, disgust=1, fear=1),
        "neutral",
        {"neutral": 1},
    ),
    (
        "a single vote cannot break a majority",
        votes_of(anger=5, fear=4, unknown=1),
        "anger",
        {"anger": 5 / 9, "fear": 4 / 9},
    ),
    ("tie", votes_of(neutral=5, happiness=5), None, {"neutral": 0.5, "happiness": 0.5}),
    (
        "top without majority",
        votes_of(fear=4, surprise=3, neutral=3),
        None,
        {"fear": 0.4, "surprise": 0.3, "neutral": 0.3},
    ),
    ("unknown on top", votes_of(unknown=6, happiness=4), None, None),
    ("unknown below", votes_of(unknown=4, contempt=6), "contempt", {"contempt": 1}),
    ("unknown holds half", votes_of(unknown=5, happiness=5), None, None),
    ("not a face", votes_of(NF=10), None, None),
    ("not a face on top", votes_of(NF=6, anger=4), None, None),
    ("only single votes", np.ones(10, np.int64), None, None),
]


@pytest.mark.parametrize(("votes", "label"), [case[1:3] for case in VOTES], ids=[case[0] for case in VOTES])
def test_majority_label(votes: np.ndarray, label: str | None) -> None:
    expected = -1 if label is None else FERPLUS.index(label)
    assert fer2013.majority_labels(votes[None]).tolist() == [expected]


@pytest.mark.parametrize(("votes", "shares"), [case[1::2] for case in VOTES], ids=[case[0] for case in VOTES])
def test_vote_distribution(votes: np.ndarray, shares: dict[str, float] | None) -> None:
    expected = [np.nan if shares is None else shares.get(label, 0) for label in FERPLUS.labels]
    np.testing.assert_allclose(fer2013.vote_distributions(votes[None]), [expected], rtol=1e-6)


def test_votes_for_each_expression_give_its_class() -> None:
    votes = np.stack([clear_votes(name) for name in EXPRESSIONS.labels])
    assert [FERPLUS.labels[label] for label in fer2013.majority_labels(votes)] == list(EXPRESSIONS.labels)
    assert fer2013.vote_distributions(votes).dtype == np.float32
