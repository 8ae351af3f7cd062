from __future__ import annotations

import gc
import io
import os
import shutil
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from kaoiro.core.errors import InputError
from kaoiro.inference import archives
from kaoiro.inference.media import Medium, Unusable, discover, kind_of

TARS = ("tar", "tar.gz", "tgz", "tar.bz2", "tar.xz")


def png(shade: int = 0) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 3), (shade, 0, 0)).save(file, "PNG")
    return file.getvalue()


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png())


def pack(path: Path, members: Sequence[tuple[str, bytes]]) -> Path:
    """Write an archive of the kind that its name says; its members keep their order."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members:
                archive.writestr(name, data)
        return path
    kind = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(path.suffix[1:], "w")
    with tarfile.open(path, kind) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def found(*paths: Path, skip: Path | None = None) -> list[Medium]:
    items = list(discover([str(path) for path in paths], skip=skip))
    assert all(isinstance(item, Medium) for item in items), items
    return [item for item in items if isinstance(item, Medium)]


def names(*paths: Path, skip: Path | None = None) -> list[str]:
    return [medium.relative for medium in found(*paths, skip=skip)]


def refusal(path: Path | str) -> str:
    (item,) = discover([str(path)])
    assert isinstance(item, Unusable)
    assert item.name == str(path)
    assert item.reason.strip() and "\n" not in item.reason
    return item.reason


def content(medium: Medium) -> bytes:
    with medium.open() as path:
        return path.read_bytes()


def test_a_folder_is_walked_in_order_of_names(tmp_path):
    touch(tmp_path, "b.jpg", "a.mp4", "B.png", "a/z.webp", "a/b/c.gif", "c10.bmp", "c9.tiff", "täglich/ö.mkv")
    expected = ["B.png", "a/b/c.gif", "a/z.webp", "a.mp4", "b.jpg", "c10.bmp", "c9.tiff", "täglich/ö.mkv"]
    assert names(tmp_path) == expected
    assert [medium.name for medium in found(tmp_path)] == [str(tmp_path / name) for name in expected]


def test_the_order_does_not_depend_on_when_files_were_made(tmp_path):
    for folder, order in (("one", "cab"), ("two", "bca")):
        touch(tmp_path / folder, *(f"{name}/{name}.png" for name in order))
    assert names(tmp_path / "one") == names(tmp_path / "two") == ["a/a.png", "b/b.png", "c/c.png"]


def test_paths_keep_the_order_in_which_they_are_given(tmp_path):
    touch(tmp_path, "z.png", "a.png", "m/x.png")
    assert names(tmp_path / "z.png", tmp_path / "m", tmp_path / "a.png") == ["z.png", "x.png", "a.png"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.JPG", "photo"),
        ("a.b.jpeg", "photo"),
        ("a.HEIC", "photo"),
        ("a.MOV", "video"),
        ("x/a.webm", "video"),
        ("a.txt", None),
        ("jpg", None),
        ("a.png.txt", None),
        ("", None),
    ],
)
def test_names_tell_photos_from_videos(name, kind):
    assert kind_of(name) == kind


def test_a_file_that_is_named_itself_is_probed(tmp_path):
    (tmp_path / "picture.dat").write_bytes(png())
    (tmp_path / "other.dat").write_bytes(b"whatever")
    assert [medium.kind for medium in found(tmp_path / "picture.dat", tmp_path / "other.dat")] == ["photo", "video"]


def test_hidden_files_and_other_files_are_passed_over(tmp_path):
    touch(tmp_path, ".a.png", ".git/b.png", "a/.c/d.png", "__MACOSX/e.png", "notes.txt", "jpg", "f.png")
    assert names(tmp_path) == ["f.png"]


def test_the_folder_of_the_results_is_left_out(tmp_path):
    touch(tmp_path, "a.png", "out/a.overlay.png", "out/deep/b.png", "outer/c.png")
    assert names(tmp_path, skip=tmp_path / "out") == ["a.png", "outer/c.png"]
    assert names(tmp_path, skip=tmp_path / "outer" / ".." / "out") == ["a.png", "outer/c.png"]


def test_a_folder_called_like_a_photo_is_a_folder(tmp_path):
    touch(tmp_path, "holiday.jpg/a.png", "clips.zip/b.png")
    assert names(tmp_path) == ["clips.zip/b.png", "holiday.jpg/a.png"]
    assert names(tmp_path / "holiday.jpg") == ["a.png"]


@pytest.mark.parametrize("inside", [(), ("notes.txt", "deep/more.csv"), (".hidden.png",)])
def test_a_folder_without_media_is_refused(tmp_path, inside):
    touch(tmp_path, *inside)
    assert "without photos, videos or archives" in refusal(tmp_path)


def test_a_path_that_is_not_there_is_refused(tmp_path):
    assert refusal(tmp_path / "nosuch.jpg") == "no such file or folder"


def test_an_empty_path_is_not_the_current_folder():
    (found,) = discover([""])
    assert isinstance(found, Unusable) and found.reason == "no such file or folder"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    assert refusal(tmp_path / "a.jpg") == "neither a file nor a folder"
    assert "without photos" in refusal(tmp_path)


@pytest.mark.parametrize("closed", ["in/b", "in"])
def test_a_folder_that_may_not_be_read_is_told(tmp_path, monkeypatch, closed):
    touch(tmp_path, "in/a.png", "in/b/c.png", "in/d.png")
    scandir = os.scandir

    def guarded(path):
        if Path(path) == tmp_path / closed:
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    items = list(discover([str(tmp_path / "in")]))
    refused = Unusable(str(tmp_path / closed), "cannot be read: Permission denied")
    if closed == "in":
        assert items == [refused]
    else:
        assert [item.name for item in items] == [str(tmp_path / name) for name in ("in/a.png", "in/b", "in/d.png")]
        assert items[1] == refused


def test_a_file_that_may_not_be_looked_at_does_not_hide_the_others(tmp_path, monkeypatch):
    touch(tmp_path, "a.png", "b.png")
    stat = Path.stat

    def guarded(self, **options):
        if self.name == "a.png":
            raise PermissionError(13, "Permission denied")
        return stat(self, **options)

    monkeypatch.setattr(Path, "stat", guarded)
    monkeypatch.setattr(Path, "is_file", lambda self: bool(self.stat()))
    refused, medium = discover([str(tmp_path)])
    assert refused == Unusable(str(tmp_path / "a.png"), "cannot be read: Permission denied")
    assert medium.name == str(tmp_path / "b.png")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few users make links")
def test_links_to_folders_are_not_followed(tmp_path):
    touch(tmp_path, "in/a.png")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in", target_is_directory=True)
    (tmp_path / "in" / "loop.png").symlink_to(tmp_path / "in" / "loop.png")
    assert names(tmp_path / "in") == ["a.png"]


@pytest.mark.parametrize("skip", [".", "..", "../.."])
def test_a_folder_that_receives_the_results_itself_is_refused(tmp_path, skip):
    touch(tmp_path, "in/given/a.png")
    folder = tmp_path / "in" / "given"
    (item,) = discover([str(folder)], skip=folder / skip)
    assert item == Unusable(str(folder), "lies in the folder that receives the results; choose another one for them")


def test_a_name_that_cannot_be_is_refused(tmp_path):
    assert refusal(tmp_path / ("long" * 100 + ".jpg"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_an_archive_that_may_not_be_read_is_refused(tmp_path, name):
    path = pack(tmp_path / name, [("a.png", png())])
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert "cannot be read" in refusal(path)


def test_one_bad_path_does_not_hide_the_others(tmp_path):
    touch(tmp_path, "a.png", "b.png")
    (tmp_path / "bad.zip").write_bytes(b"PK nothing")
    paths = [tmp_path / name for name in ("a.png", "bad.zip", "nosuch", "b.png")]
    kinds = [type(item) for item in discover([str(path) for path in paths])]
    assert kinds == [Medium, Unusable, Unusable, Medium]


@pytest.mark.parametrize("ending", ["zip", *TARS])
def test_members_of_an_archive_are_media(tmp_path, ending):
    members = [("b.png", png(10)), ("täglich/a.mp4", b"video"), ("täglich/ö.jpg", png(20)), ("notes.txt", b"text")]
    path = pack(tmp_path / f"media.{ending}", members)
    media = found(path)
    assert sorted((medium.relative, medium.kind) for medium in media) == [
        (f"media.{ending}/b.png", "photo"),
        (f"media.{ending}/täglich/a.mp4", "video"),
        (f"media.{ending}/täglich/ö.jpg", "photo"),
    ]
    inside = dict(members)
    for medium in media:
        inner = medium.name.removeprefix(f"{path}/")
        assert medium.name == f"{path}/{inner}"
        assert content(medium) == inside[inner]


@pytest.mark.parametrize("ending", ["zip", *TARS])
def test_the_order_within_an_archive_is_stable(tmp_path, ending):
    path = pack(tmp_path / f"media.{ending}", [(f"{name}.png", png()) for name in "dacb"])
    assert names(path) == names(path)
    assert sorted(names(path)) == [f"media.{ending}/{name}.png" for name in "abcd"]


def test_members_may_be_opened_in_any_order_and_again(tmp_path):
    for ending in ("zip", "tar.gz"):
        media = found(pack(tmp_path / f"media.{ending}", [(f"{n}.png", png(n)) for n in range(5)]))
        for index in (4, 0, 2, 2, 1, 4):
            number = int(media[index].relative.rpartition("/")[2][0])
            assert content(media[index]) == png(number)


def test_members_of_several_archives_may_be_opened_in_turn(tmp_path):
    one, two = (
        found(pack(tmp_path / name, [("a.png", png(n)), ("b.png", png(n + 1))]))
        for n, name in ((1, "1.zip"), (5, "2.tar"))
    )
    assert [content(medium) for medium in (one[0], two[0], one[1], two[1])] == [png(n) for n in (1, 5, 2, 6)]


def test_a_member_on_disk_keeps_its_suffix_and_is_removed_afterwards(tmp_path):
    (medium,) = found(pack(tmp_path / "media.zip", [("deep/Clip.MP4", b"video")]))
    with medium.open() as path:
        assert (path.suffix, path.read_bytes()) == (".MP4", b"video")
    assert not path.exists()


def test_archives_in_folders_are_opened(tmp_path):
    (tmp_path / "in").mkdir()
    pack(tmp_path / "in" / "m.tar.gz", [("x/a.png", png())])
    touch(tmp_path, "in/z.png", "b.png")
    assert names(tmp_path) == ["b.png", "in/m.tar.gz/x/a.png", "in/z.png"]


def test_hidden_members_are_passed_over(tmp_path):
    inside = ["__MACOSX/._a.png", ".b.png", "c/.d/e.png", "a.png"]
    for ending in ("zip", "tar"):
        assert names(pack(tmp_path / f"m.{ending}", [(name, png()) for name in inside])) == [f"m.{ending}/a.png"]


@pytest.mark.parametrize("members", [[], [("notes.txt", b"text")], [("inner.zip", b"PK")]])
@pytest.mark.parametrize("ending", ["zip", "tar"])
def test_an_archive_without_media_is_refused(tmp_path, ending, members):
    assert "without photos or videos" in refusal(pack(tmp_path / f"m.{ending}", members))


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tar.xz"])
@pytest.mark.parametrize("data", [b"", b"not an archive at all" * 100], ids=["empty", "text"])
def test_what_is_no_archive_is_refused(tmp_path, ending, data):
    (tmp_path / f"m.{ending}").write_bytes(data)
    assert "archive" in refusal(tmp_path / f"m.{ending}")


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
def test_a_truncated_archive_is_reported(tmp_path, ending):
    noise = [(f"{index}.png", os.urandom(20_000)) for index in range(6)]
    path = pack(tmp_path / f"m.{ending}", noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    items = list(discover([str(path)]))
    failures = [item for item in items if isinstance(item, Unusable)]
    for medium in items:
        if isinstance(medium, Medium):
            try:
                assert content(medium) == dict(noise)[medium.name.removeprefix(f"{path}/")]
            except InputError as error:
                failures.append(Unusable(medium.name, str(error)))
    assert failures
    assert all("\n" not in failure.reason for failure in failures)


def test_an_encrypted_member_is_refused_when_opened(tmp_path):
    path = pack(tmp_path / "m.zip", [("a.png", png())])
    data = bytearray(path.read_bytes())
    for signature, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + place] |= 1  # the flag of encryption
    path.write_bytes(data)
    (medium,) = found(path)
    with pytest.raises(InputError, match=r"m\.zip/a\.png: cannot be unpacked \(.*encrypted"):
        content(medium)


def test_a_damaged_member_is_refused_when_opened(tmp_path):
    path = pack(tmp_path / "m.zip", [("a.png", png()), ("b.png", png(1))])
    data = bytearray(path.read_bytes())
    data[45] ^= 0xFF  # within the first member
    path.write_bytes(data)
    damaged, whole = found(path)
    with pytest.raises(InputError, match=r"m\.zip/a\.png: cannot be unpacked") as caught:
        content(damaged)
    assert "\n" not in str(caught.value)
    assert content(whole) == png(1)


def test_a_member_larger_than_the_disk_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    (medium,) = found(pack(tmp_path / "bomb.zip", [("a.mp4", bytes(5_000_000))]))
    free = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda path: free)
    with pytest.raises(InputError, match=r"a\.mp4: unpacks to 0\.0 GB, more than is free"):
        content(medium)


@pytest.mark.parametrize("ending", ["zip", "tar"])
def test_members_cannot_leave_their_place(tmp_path, ending):
    inside = ["../../out.png", "/abs.png", "a/../b.png"]
    media = found(pack(tmp_path / f"m.{ending}", [(name, png()) for name in inside]))
    assert sorted(medium.relative for medium in media) == [
        f"m.{ending}/{name}" for name in ("a/b.png", "abs.png", "out.png")
    ]
    for medium in media:
        with medium.open() as path:
            assert path.name.startswith("member")


def test_links_in_an_archive_are_not_followed(tmp_path):
    path = tmp_path / "m.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert "without photos or videos" in refusal(path)


def test_the_stamp_changes_with_the_content(tmp_path):
    touch(tmp_path, "a.png")
    (before,) = found(tmp_path / "a.png")
    os.utime(tmp_path / "a.png", ns=(0, 5))
    (after,) = found(tmp_path / "a.png")
    assert before.stamp != after.stamp
    stamps = [found(pack(tmp_path / "m.zip", [("a.png", png(shade))]))[0].stamp for shade in (1, 1, 2)]
    assert stamps[0] == stamps[1] != stamps[2]


def test_no_file_is_left_open(tmp_path):
    members = [("a.png", png()), ("b.png", png())]
    paths = [pack(tmp_path / f"m.{ending}", members) for ending in ("zip", "tar.gz")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in paths:
            media = found(path)
            content(media[0])
            del media
            gc.collect()
    for path in paths:
        path.unlink()  # Windows would refuse
