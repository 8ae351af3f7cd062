"""Words by the texts of CLIP, compiled into a model folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from fake import clip

from kaoiro.core.errors import InputError
from kaoiro.core.labels import OPEN_HEAD
from kaoiro.core.modelfile import load
from kaoiro.inference.classifier import Classifier
from kaoiro.nn.clip_files import load_clip
from kaoiro.nn.clip_sizes import CLIP_MEAN, CLIP_STD
from kaoiro.nn.tokens import Tokenizer
from kaoiro.training.open_words import REST, TEMPLATES, compile_words

WORDS = ("relieved", "lost in thought")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return clip.write(tmp_path)


def test_a_score_says_how_much_better_a_word_fits_than_rest(files: tuple[Path, Path], tmp_path: Path) -> None:
    model = compile_words([*WORDS, "relieved"], *files, tmp_path / "words")
    head = model.specification.head(OPEN_HEAD)
    assert head.labels == WORDS
    crops = np.random.default_rng(0).integers(0, 256, (3, clip.SIDE, clip.SIDE), dtype=np.uint8)
    network, tokenizer = load_clip(files[0]), Tokenizer.load(files[1], 77)

    def place(words: tuple[str, ...]) -> torch.Tensor:
        texts = [one.format(word) for word in words for one in TEMPLATES]
        return F.normalize(
            F.normalize(network.text(torch.as_tensor(tokenizer.encode(texts))), dim=1).mean(dim=0), dim=0
        )

    pictures = torch.from_numpy(crops[:, None]).expand(-1, 3, -1, -1).float() / 255
    pictures = (pictures - torch.tensor(CLIP_MEAN)[:, None, None]) / torch.tensor(CLIP_STD)[:, None, None]
    with torch.no_grad():
        seen = F.normalize(network.visual(pictures), dim=1)
        fits = [network.logit_scale.exp() * (seen @ place((word,)) - seen @ place(REST)) for word in WORDS]
    found = Classifier(model).predict(crops)
    assert found.heads[OPEN_HEAD] == pytest.approx(torch.sigmoid(torch.stack(fits, dim=1)).numpy(), abs=5e-3)
    assert np.ptp(found.heads[OPEN_HEAD]) > 0.02  # so that the comparison above says something
    assert np.linalg.norm(found.features, axis=1) == pytest.approx(np.ones(3), abs=1e-3)


def test_the_folder_says_whose_weights_it_has_and_that_nothing_is_measured(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    compile_words(WORDS, *files, tmp_path / "words")
    description = load(tmp_path / "words").description
    assert description.provenance.settings["weights"] == "clip.safetensors"
    assert len(description.provenance.settings["weights_sha256"]) == 64
    assert "Measured on nothing" in description.card.limits[0]
    assert str(tmp_path) not in (tmp_path / "words" / "model.json").read_text()


def test_what_cannot_be_compiled_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one"):
        compile_words([], *files, tmp_path / "words")
    other = tmp_path / "other.txt"
    other.write_text("version\na b\n")
    with pytest.raises(InputError, match="tokenizer of 618 tokens"):
        compile_words(WORDS, files[0], other, tmp_path / "words")
    with pytest.raises(InputError, match="at most 77 fit"):
        compile_words(["lost " * 99], *files, tmp_path / "words")
    assert not (tmp_path / "words").exists()
