from __future__ import annotations

import pytest

from kaoiro.inference.places import Places, portable


@pytest.mark.parametrize(
    ("relative", "safe"),
    [
        ("täglich/a b.jpg", "täglich/a b.jpg"),
        ('a?<>:"|*\\.jpg', "a________.jpg"),
        ("a\x00\x1f\n\x7f.jpg", "a____.jpg"),
        ("CON/aux.jpg", "_CON/_aux.jpg"),
        ("nul", "_nul"),
        ("nul .txt/lpt1.tar.gz", "_nul .txt/_lpt1.tar.gz"),
        ("COM¹.png", "_COM¹.png"),
        ("console/auxiliary.jpg/com10.png", "console/auxiliary.jpg/com10.png"),
        ("a. ./b ", "a___/b_"),
    ],
)
def test_names_that_windows_refuses_are_replaced(relative, safe):
    assert portable(relative) == safe


def test_no_two_media_share_a_place():
    places = Places(["all"])
    wanted = ["a.jpg", "A.JPG", "a.jpg~2", "a.jpg", "all", "é.png", "e\u0301.png", "x?", "x*"]
    taken = [places.take(f"d{number}", relative) for number, relative in enumerate(wanted)]
    assert taken == ["a.jpg", "A.JPG~2", "a.jpg~2~2", "a.jpg~3", "all~2", "é.png", "e\u0301.png~2", "x_", "x_~2"]


def test_places_of_earlier_runs_stay_with_their_media():
    earlier = [("talk.jpg", "d1/talk.jpg"), ("talk.jpg~2", "d2/talk.jpg"), ("twice.jpg", "t"), ("twice.jpg~2", "t")]
    places = Places(["all"], earlier)
    names = ["d3/talk.jpg", "d2/talk.jpg", "d1/talk.jpg"]
    assert [places.take(name, "talk.jpg") for name in names] == ["talk.jpg~3", "talk.jpg~2", "talk.jpg"]
    assert [places.take("t", "twice.jpg") for _ in range(3)] == ["twice.jpg", "twice.jpg~2", "twice.jpg~3"]


@pytest.mark.parametrize("place", ["../a.jpg", "/a.jpg", "b/../../a.jpg", ""])
def test_a_manifest_cannot_lead_out_of_the_folder(place):
    assert Places([], [(place, "a.jpg")]).take("a.jpg", "a.jpg") == "a.jpg"
