from __future__ import annotations

import gzip
import pickle
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from kaoiro.core.errors import InputError
from kaoiro.nn.clip import Clip
from kaoiro.nn.clip_files import load_clip, save_clip, sizes_of
from kaoiro.nn.clip_image import resized
from kaoiro.nn.clip_names import published
from kaoiro.nn.clip_sizes import RN50, RN50X64, VIT_B_32, ClipSizes, PatchSizes, ResNetSizes, TextSizes

State = dict[str, Tensor]
TEXT = TextSizes(50, width=64, layers=2, heads=1, context=8)
RESIDUAL = ClipSizes(12, ResNetSizes((1, 2, 1, 1), 4, 64), TEXT)
PATCHES = ClipSizes(12, PatchSizes(16, 128, 2, 2, 64), TEXT)
TOKENS = torch.tensor([[48, 3, 4, 49, 0, 0, 0, 0], [48, 5, 49, 0, 0, 0, 0, 0]])
both = pytest.mark.parametrize("sizes", [RESIDUAL, PATCHES], ids=["residual", "patches"])


def network(sizes: ClipSizes) -> Clip:
    torch.manual_seed(0)
    clip = Clip(sizes).eval()
    with torch.no_grad():
        for value in (*clip.parameters(), *clip.buffers()):
            if value.is_floating_point():
                value.add_(0.1 * torch.rand_like(value))
    return clip


def weights(sizes: ClipSizes = RESIDUAL) -> State:
    return published(network(sizes).state_dict())


class Archive(nn.Module):
    """A module whose state dict has the given names."""

    def __init__(self, state: State) -> None:
        super().__init__()
        for name, value in state.items():
            *folders, last = name.split(".")
            place: nn.Module = self
            for folder in folders:
                if folder not in place._modules:
                    place.add_module(folder, nn.Module())
                place = place.get_submodule(folder)
            place.register_buffer(last, value)

    def forward(self, x: Tensor) -> Tensor:
        return x


def script(state: State, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(Archive(state), torch.ones(1)).save(str(path))


FORMATS: dict[str, Callable[[State, Path], object]] = {
    "safetensors": lambda state, path: save_file({k: v.contiguous() for k, v in state.items()}, path),
    "state dict": torch.save,
    "older state dict": lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    "checkpoint": lambda state, path: torch.save(
        {"epoch": 3, "name": "run", "state_dict": {f"module.{name}": value for name, value in state.items()}}, path
    ),
    "TorchScript": lambda state, path: script(
        state | {"input_resolution": torch.tensor(64), "context_length": torch.tensor(8)}, path
    ),
}


def of_open_clip(state: State) -> State:
    own = ("visual.", "logit_scale")
    return {name if name.startswith(own) else f"text.{name}": value for name, value in state.items()}


def of_transformers(state: State) -> State:
    """The names of the library transformers, written down apart from the code under test."""
    other = {
        "logit_scale": state["logit_scale"],
        "text_projection.weight": state["text_projection"].T,
        "visual_projection.weight": state["visual.proj"].T,
        "text_model.embeddings.position_ids": torch.arange(8)[None],
        "text_model.embeddings.token_embedding.weight": state["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": state["positional_embedding"],
        "vision_model.embeddings.class_embedding": state["visual.class_embedding"],
        "vision_model.embeddings.patch_embedding.weight": state["visual.conv1.weight"],
        "vision_model.embeddings.position_embedding.weight": state["visual.positional_embedding"],
    }
    for kind in ("weight", "bias"):
        other[f"text_model.final_layer_norm.{kind}"] = state[f"ln_final.{kind}"]
        other[f"vision_model.pre_layrnorm.{kind}"] = state[f"visual.ln_pre.{kind}"]
        other[f"vision_model.post_layernorm.{kind}"] = state[f"visual.ln_post.{kind}"]
        for tower, prefix in (("text_model", ""), ("vision_model", "visual.")):
            for k in range(2):
                block, layer = f"{prefix}transformer.resblocks.{k}", f"{tower}.encoder.layers.{k}"
                for part, rows in zip("qkv", state[f"{block}.attn.in_proj_{kind}"].chunk(3), strict=True):
                    other[f"{layer}.self_attn.{part}_proj.{kind}"] = rows
                other[f"{layer}.self_attn.out_proj.{kind}"] = state[f"{block}.attn.out_proj.{kind}"]
                other[f"{layer}.layer_norm1.{kind}"] = state[f"{block}.ln_1.{kind}"]
                other[f"{layer}.layer_norm2.{kind}"] = state[f"{block}.ln_2.{kind}"]
                other[f"{layer}.mlp.fc1.{kind}"] = state[f"{block}.mlp.c_fc.{kind}"]
                other[f"{layer}.mlp.fc2.{kind}"] = state[f"{block}.mlp.c_proj.{kind}"]
    return other


def same(one: Clip, other: Clip) -> bool:
    states = one.state_dict(), other.state_dict()
    return states[0].keys() == states[1].keys() and all(torch.equal(states[0][n], states[1][n]) for n in states[0])


@both
@pytest.mark.parametrize("form", FORMATS)
def test_every_published_form_gives_the_same_network(sizes: ClipSizes, form: str, tmp_path: Path) -> None:
    path = tmp_path / "weights"  # the content tells the form, not the name
    FORMATS[form](weights(sizes), path)
    clip = load_clip(path)
    assert same(clip, network(sizes))
    assert clip.sizes == sizes
    assert not clip.training
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    assert torch.equal(clip(images, TOKENS), network(sizes)(images, TOKENS))


@both
def test_what_is_written_is_read_back_and_has_the_published_names(sizes: ClipSizes, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_clip(network(sizes), path)
    assert same(load_clip(path), network(sizes))
    names = load_file(path).keys()
    assert {"text_projection", "transformer.resblocks.1.ln_1.bias", "visual.conv1.weight"} <= names
    assert not any(name.startswith("text.") for name in names)


@both
def test_the_names_of_open_clip(sizes: ClipSizes, tmp_path: Path) -> None:
    torch.save(of_open_clip(weights(sizes)), tmp_path / "weights.pt")
    assert same(load_clip(tmp_path / "weights.pt"), network(sizes))


def test_the_names_of_transformers(tmp_path: Path) -> None:
    torch.save(of_transformers(weights(PATCHES)), tmp_path / "weights.pt")
    assert same(load_clip(tmp_path / "weights.pt"), network(PATCHES))


@pytest.mark.parametrize("form", ["safetensors", "TorchScript"])
def test_half_precision_becomes_single(form: str, tmp_path: Path) -> None:
    halves = {name: value.half() if value.is_floating_point() else value for name, value in weights().items()}
    FORMATS[form](halves, tmp_path / "weights")
    clip = load_clip(tmp_path / "weights")
    assert {value.dtype for value in clip.parameters()} == {torch.float32}
    torch.testing.assert_close(
        dict(clip.named_parameters()), dict(network(RESIDUAL).named_parameters()), atol=1e-3, rtol=0
    )


def test_files_without_counters_of_batches_are_read(tmp_path: Path) -> None:
    torch.save({n: v for n, v in weights().items() if "num_batches" not in n}, tmp_path / "weights.pt")
    assert same(load_clip(tmp_path / "weights.pt"), network(RESIDUAL))


def test_a_loaded_network_learns(tmp_path: Path) -> None:
    save_clip(network(RESIDUAL), tmp_path / "weights.safetensors")
    clip = load_clip(tmp_path / "weights.safetensors").train()
    clip(torch.randn(3, 3, 64, 64), TOKENS).sum().backward()
    assert all(value.requires_grad and value.grad is not None for value in clip.parameters())


def test_the_activation_is_a_choice(tmp_path: Path) -> None:
    save_clip(network(PATCHES), tmp_path / "weights.safetensors")
    quick, exact = (load_clip(tmp_path / "weights.safetensors", gelu=gelu) for gelu in ("quick", "exact"))
    assert not torch.allclose(quick.text(TOKENS), exact.text(TOKENS), atol=1e-4)


@both
def test_another_size_of_pictures_changes_the_positions_alone(sizes: ClipSizes, tmp_path: Path) -> None:
    save_clip(network(sizes), tmp_path / "weights.safetensors")
    clip = load_clip(tmp_path / "weights.safetensors", side=96)
    before, after = network(sizes).state_dict(), clip.state_dict()
    changed = [name for name in before if before[name].shape != after[name].shape]
    (name,) = changed
    assert name.startswith("visual.") and name.endswith("positional_embedding")
    assert torch.equal(after[name], resized(before[name], 9 if sizes is RESIDUAL else 36))
    assert clip.sizes.image.side == 96
    assert clip(torch.randn(2, 3, 96, 96), TOKENS).shape == (2, 2)


@pytest.mark.parametrize(("sizes", "side"), [(RESIDUAL, 80), (PATCHES, 0), (PATCHES, 100)])
def test_a_size_that_does_not_divide_is_refused(sizes: ClipSizes, side: int, tmp_path: Path) -> None:
    save_clip(network(sizes), tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match=f"image.side must be a multiple of (32|16), not {side}"):
        load_clip(tmp_path / "weights.safetensors", side=side)


@pytest.mark.parametrize(
    "sizes",
    [RN50, RN50X64, VIT_B_32, ClipSizes(1024, PatchSizes(14, 1280, 32, 16, 224), TextSizes(49408, 1024, 24, 16, 77))],
)
def test_shapes_tell_the_published_sizes(sizes: ClipSizes) -> None:
    with torch.device("meta"):
        state = published(Clip(sizes).state_dict())
    assert sizes_of(state, "weights.pt") == sizes


def with_out(name: str) -> State:
    return {other: value for other, value in weights().items() if other != name}


def refused(state: object, tmp_path: Path) -> str:
    path = tmp_path / "weights.pt"
    torch.save(state, path)
    with pytest.raises(InputError) as caught:
        load_clip(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"visual.extra": torch.ones(1)}, "visual.extra is not part of this network"),
        ({"a": torch.ones(1), "b": torch.ones(1)}, "a and 1 more are not part of this network"),
        ({"ln_final.bias": torch.ones(3)}, "ln_final.bias has the shape (3,), expected was (64,)"),
        ({"ln_final.bias": torch.ones(64).long()}, "ln_final.bias holds torch.int64, expected were floating-point"),
        ({"ln_final.bias": torch.full((64,), torch.nan)}, "ln_final.bias holds values that are not finite"),
        ({"text_projection": torch.ones(64)}, "text_projection has the shape (64,), expected were 2 dimensions"),
        ({"token_embedding.weight": torch.ones(0, 64)}, "text.vocabulary must be 2 or more, not 0"),
        (
            {"visual.attnpool.positional_embedding": torch.ones(4, 128)},
            "visual.attnpool.positional_embedding has 4 rows, expected was 1 and a square number",
        ),
        (
            {"transformer.resblocks.7.ln_1.bias": torch.ones(64)},
            "transformer.resblocks.2.ln_1.weight and 11 more are missing",
        ),
    ],
)
def test_wrong_weights_are_refused_by_name(change: State, message: str, tmp_path: Path) -> None:
    assert refused(weights() | change, tmp_path).startswith(message)


@pytest.mark.parametrize(
    "name",
    [
        "token_embedding.weight",
        "positional_embedding",
        "logit_scale",
        "visual.layer3.0.conv2.weight",
        "visual.bn1.bias",
    ],
)
def test_missing_weights_are_refused_by_name(name: str, tmp_path: Path) -> None:
    assert refused(with_out(name), tmp_path) == f"{name} is missing"


def test_a_network_of_transformers_without_its_keys_is_refused(tmp_path: Path) -> None:
    state = of_transformers(weights(PATCHES))
    del state["text_model.encoder.layers.0.self_attn.k_proj.weight"]
    assert refused(state, tmp_path) == "transformer.resblocks.0.attn.in_proj_weight is missing"


def test_other_image_towers_are_refused(tmp_path: Path) -> None:
    state = {name: value for name, value in weights().items() if not name.startswith("visual.")}
    assert "neither a residual network nor a vision transformer" in refused(state, tmp_path)


@pytest.mark.parametrize("content", [{}, [1, 2], {"epoch": 3}, {"state_dict": {"a": 1}}, torch.ones(2)])
def test_files_of_anything_else_are_refused(content: object, tmp_path: Path) -> None:
    assert refused(content, tmp_path) == "holds no state dict (a table from names to tensors)"


class Hostile:
    def __reduce__(self) -> tuple:
        return Path.touch, (Path("was_here"),)


def test_nobody_is_advised_to_unpickle_more_than_weights(tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    torch.save({"a": Hostile()}, tmp_path / "hostile.pt")
    for file in (path, tmp_path / "hostile.pt"):
        with pytest.raises(InputError) as caught:
            load_clip(file)
        assert str(caught.value) == f"{file}: neither safetensors nor weights of PyTorch, or damaged"
        assert "weights_only" not in str(caught.value)


def test_pickled_programs_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "neither safetensors nor weights of PyTorch" in refused({"a": Hostile()}, tmp_path)
    (tmp_path / "plain").write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(InputError, match="neither safetensors nor weights of PyTorch"):
        load_clip(tmp_path / "plain")
    assert not (tmp_path / "was_here").exists()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_damaged_files_are_refused_in_one_line(form: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    FORMATS[form](weights(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=re.escape(f"{path}: neither safetensors nor weights of PyTorch, or damaged")):
        load_clip(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"12345678{", gzip.compress(b"x", mtime=0), b"\x80\x02.", bytes(100)],
    ids=["empty", "text", "header", "gzip", "pickle", "zeros"],
)
def test_files_of_other_kinds_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(str(path))) as caught:
        load_clip(path)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.pt"):
        with pytest.raises(InputError, match=f"cannot read {re.escape(str(path))}: "):
            load_clip(path)
