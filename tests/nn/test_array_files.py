"""Files of NumPy with weights: what is read, and what is refused without running it."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from kaoiro.core.errors import InputError
from kaoiro.nn.array_files import read

WEIGHT, BIAS = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(2, np.float16)


def pickled(content: object, path: Path) -> Path:
    np.save(path, np.array(content, dtype=object), allow_pickle=True)
    return path


def test_an_archive_is_read_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", conv1_w=WEIGHT, conv1_b=BIAS)
    found = read(tmp_path / "a.npz")
    assert found["conv1_w"].tolist() == WEIGHT.tolist() and found["conv1_b"].dtype == np.float16


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ({"conv1": [WEIGHT, BIAS]}, ["conv1.0", "conv1.1"]),
        ({"conv1": (WEIGHT, BIAS)}, ["conv1.0", "conv1.1"]),
        ({"conv1": {"weights": WEIGHT, "biases": BIAS}}, ["conv1.weights", "conv1.biases"]),
        (OrderedDict([("conv1.weight", WEIGHT), ("conv1.bias", BIAS)]), ["conv1.weight", "conv1.bias"]),
    ],
)
def test_a_table_in_one_array_is_read_by_name(content: object, names: list[str], tmp_path: Path) -> None:
    found = read(pickled(content, tmp_path / "a.npy"))
    assert list(found) == names
    assert found[names[0]].tolist() == WEIGHT.tolist()


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_tables_of_any_age_are_read(protocol: int, tmp_path: Path) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(np.array({"fc6": [WEIGHT, BIAS]}, dtype=object), file, protocol=protocol)
    assert read(tmp_path / "a.npy")["fc6.0"].tolist() == WEIGHT.tolist()


class Harm:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_nothing_of_a_file_is_called(tmp_path: Path) -> None:
    harm = pickled({"conv1": Harm(tmp_path / "made")}, tmp_path / "a.npy")
    with pytest.raises(InputError, match=r"a\.npy: no table of arrays .* asks for posix\.mkdir, which is no array"):
        read(harm)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [({"conv1": "weights"}, "conv1 is no array of numbers"), ({"conv1": [None]}, r"conv1\.0 is no array")],
)
def test_what_is_no_table_of_numbers_is_refused(content: object, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        read(pickled(content, tmp_path / "a.npy"))


def test_damaged_missing_and_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    np.save(tmp_path / "plain.npy", WEIGHT)
    (tmp_path / "short.npy").write_bytes((tmp_path / "plain.npy").read_bytes()[:20])
    (tmp_path / "text.npz").write_text("weights")
    np.savez(tmp_path / "objects.npz", conv1=np.array({"weights": WEIGHT}, dtype=object))
    for name in ("plain.npy", "short.npy", "text.npz", "objects.npz"):
        with pytest.raises(InputError, match=f"{name}: no table of arrays") as refused:
            read(tmp_path / name)
        assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match=r"cannot read .*none\.npy: No such file"):
        read(tmp_path / "none.npy")
