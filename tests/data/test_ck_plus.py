from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake import ck_plus as fake
from fake import numbered

from kaoiro.core.errors import DataError
from kaoiro.data.datasets.ck_plus import intensities, read
from kaoiro.data.labelled_set import Span
from kaoiro.evaluation.pictures import pixels


def test_peaks_have_the_label_and_first_frames_are_neutral(tmp_path: Path) -> None:
    data = read(fake.write(tmp_path))
    folder = tmp_path / "cohn-kanade-images" / "S005" / "001"
    assert data.ids[:2] == ("S005/001/S005_001_00000001.png", "S005/001/S005_001_00000004.png")
    labels = [data.label(row) for row in range(len(data))]
    assert labels[::2] == ["neutral"] * 8
    assert labels[1::2] == ["anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise", "anger"]
    assert data.spans[:2] == (Span(folder, 1, 1), Span(folder, 1, 4))
    assert data.persons.tolist() == np.repeat(fake.PEOPLE, 4).tolist()
    assert set(data.splits.tolist()) == {""}
    assert abs(pixels(data, 1).mean() - numbered.level(3)) < 3


def test_sequences_without_a_label_are_counted(tmp_path: Path) -> None:
    fake.write(tmp_path)
    (tmp_path / "Emotion" / "S005" / "001" / "S005_001_00000004_emotion.txt").write_text("")
    (tmp_path / "cohn-kanade-images" / "S999" / "001").mkdir(parents=True)
    assert read(tmp_path).left_out == {
        "sequences without a label of emotion": 4,
        "files of emotion that are empty": 1,
        "sequences without frames": 1,
    }


def test_units_are_there_or_not_at_the_peak_and_unknown_before(tmp_path: Path) -> None:
    data = read(fake.write(tmp_path))
    assert data.units["au_01"][1] == data.units["au_04"][1] == 1
    assert data.units["au_12"][1] == 0
    assert np.isnan(data.units["au_04"][0])
    assert "au_27" not in data.units
    file = tmp_path / "FACS" / "S005" / "001" / "S005_001_00000004_facs.txt"
    assert intensities(file) == fake.UNITS
    assert read(fake.write(tmp_path / "without", facs=False)).units == {}


def test_labels_may_lie_in_the_folder_of_their_archive(tmp_path: Path) -> None:
    fake.write(tmp_path)
    (tmp_path / "Emotion_labels").mkdir()
    (tmp_path / "Emotion").rename(tmp_path / "Emotion_labels" / "Emotion")
    assert len(read(tmp_path)) == 16


@pytest.mark.parametrize(("text", "said"), [("9.0", "must be one of 0, 1, 2, .*, 7; found '9.0'"), ("?", "found '?'")])
def test_a_wrong_code_is_named(tmp_path: Path, text: str, said: str) -> None:
    fake.write(tmp_path)
    (tmp_path / "Emotion" / "S005" / "001" / "S005_001_00000004_emotion.txt").write_text(text)
    with pytest.raises(DataError, match=r"S005_001_00000004_emotion.txt, line 1: .*" + said.replace("?", r"\?")):
        read(tmp_path)


def test_damaged_codes_of_units_and_missing_folders_are_named(tmp_path: Path) -> None:
    fake.write(tmp_path)
    (tmp_path / "FACS" / "S005" / "001" / "S005_001_00000004_facs.txt").write_text("1.0\n")
    with pytest.raises(DataError, match=r"facs.txt, line 1: expected 2 number\(s\), found '1.0'"):
        read(tmp_path)
    (tmp_path / "Emotion").rename(tmp_path / "labels")
    with pytest.raises(DataError, match="has no folder Emotion or Emotion_labels; --root must name the folder of CK"):
        read(tmp_path)
