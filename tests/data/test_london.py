from __future__ import annotations

from pathlib import Path

import pytest
from fake.london import ARCHIVE, HEADER, SHADES, TABLE, flat, name, write, write_table, write_tar

from kaoiro.core.errors import DataError
from kaoiro.data.datasets import london


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        london.read(root)
    message = str(caught.value)
    assert "\n" not in message
    assert str(root) in message
    return message


@pytest.mark.parametrize("tar", [True, False], ids=["tar", "loose"])
def test_an_archive_and_loose_pictures_are_read_alike(tmp_path: Path, tar: bool) -> None:
    names = write(tmp_path, tar=tar)
    assert (tmp_path / ARCHIVE).is_file() == tar
    portraits = london.read(tmp_path)
    assert [one.file for one in portraits] == names
    assert [one.subject for one in portraits] == ["001", "002", "003"] * 2
    assert [one.smiling for one in portraits] == [False] * 3 + [True] * 3
    assert [one.data for one in portraits] == [flat(SHADES["neutral"])] * 3 + [flat(SHADES["smiling"])] * 3


def test_a_picture_beside_the_archive_counts_where_the_archive_lacks_it(tmp_path: Path) -> None:
    first, *others = write(tmp_path, ["001"], tar=False)
    write_tar(tmp_path / ARCHIVE, {first: b"in the archive", "neutral": b""})
    assert [one.data for one in london.read(tmp_path)] == [b"in the archive", (tmp_path / others[0]).read_bytes()]


def test_a_byte_order_mark_dos_line_ends_and_other_columns_do_not_matter(tmp_path: Path) -> None:
    write(tmp_path)
    text = (tmp_path / TABLE).read_text()
    (tmp_path / TABLE).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert len(london.read(tmp_path)) == 6
    write_table(tmp_path, "expression,file,subject", f"smiling,{name('001', 'smiling')},001")
    assert [one.smiling for one in london.read(tmp_path)] == [True]


def test_a_folder_that_holds_no_table_is_refused_with_what_to_name(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "nowhere"):
        message = refusal(root)
        assert message.startswith(f"{root / TABLE} cannot be read: No such file or directory")
        assert message.endswith("name the folder of the London set")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'file,subject,expression\n"' + b"x" * 140_000])
def test_a_table_that_is_no_text_table_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / TABLE).write_bytes(content)
    assert f"{TABLE} cannot be read: " in refusal(tmp_path)


@pytest.mark.parametrize(
    ("header", "lacking"),
    [("file,subject,age", "expression"), ("a,b", "file, subject, expression"), ("", "file, subject, expression")],
)
def test_columns_that_are_missing_are_named(tmp_path: Path, header: str, lacking: str) -> None:
    write_table(tmp_path, header)
    assert refusal(tmp_path).endswith(f"{TABLE} lacks the column(s) {lacking}")


@pytest.mark.parametrize("lines", [[HEADER], [HEADER, "", ""]])
def test_a_table_without_rows_is_refused(tmp_path: Path, lines: list[str]) -> None:
    write_table(tmp_path, *lines)
    assert refusal(tmp_path).endswith(f"{TABLE} has no rows")


def test_an_expression_that_nobody_was_asked_for_is_named_with_its_line(tmp_path: Path) -> None:
    write(tmp_path)
    rows = (tmp_path / TABLE).read_text().splitlines()
    write_table(tmp_path, *rows[:3], "", "neutral/001_03.jpg,001,happy,24,female,white")
    message = refusal(tmp_path)
    assert f"{TABLE}, line 5: expression must be one of neutral, smiling, found 'happy'" in message


@pytest.mark.parametrize(
    ("header", "row", "empty"),
    [
        (HEADER, "neutral/001_03.jpg,,neutral,24,female,white", "subject"),
        ("expression,subject,file", "neutral", "file, subject"),
        (HEADER, "neutral/001_03.jpg", "subject, expression"),
    ],
)
def test_a_row_that_breaks_off_is_named(tmp_path: Path, header: str, row: str, empty: str) -> None:
    write(tmp_path)
    write_table(tmp_path, header, row)
    assert f"{TABLE}, line 2: nothing in the column(s) {empty}" in refusal(tmp_path)


@pytest.mark.parametrize("tar", [True, False], ids=["tar", "loose"])
@pytest.mark.parametrize("file", ["neutral/004_03.jpg", "neutral", "nul\0.jpg"])
def test_a_picture_that_is_nowhere_is_named(tmp_path: Path, tar: bool, file: str) -> None:
    write(tmp_path, tar=tar)
    write_table(tmp_path, HEADER, f"{file},004,neutral,24,female,white")
    assert f"the picture {file} is neither in a tar archive nor beside {TABLE}" in refusal(tmp_path)


@pytest.mark.parametrize("damage", ["empty", "no archive", "cut short", "compressed and cut short"])
def test_a_damaged_archive_is_named(tmp_path: Path, damage: str) -> None:
    import gzip

    write(tmp_path)
    path = tmp_path / ARCHIVE
    whole = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "no archive": b"<html>not found</html>" * 40,
            "cut short": whole[:700],
            "compressed and cut short": gzip.compress(whole)[:-200],
        }[damage]
    )
    assert f"{path} cannot be read: " in refusal(tmp_path)
