from __future__ import annotations

import json
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from kaoiro.core.errors import DataError, InputError
from kaoiro.core.faces import Faces
from kaoiro.data.source import load
from kaoiro.training import cost, curve, hardware, timing
from kaoiro.training import fit as fitting
from kaoiro.training.families import families, objective_module, recipes
from kaoiro.training.fit import Fitted, fit, loader
from kaoiro.training.orders import EpochOrder
from kaoiro.training.timing import epochs_within

FAMILY = "residual_attention"


def last(folder: Path) -> dict[str, Any]:
    return torch.load(folder / "last.ckpt", map_location="cpu", weights_only=False)


def interrupt_at(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """Let Ctrl-C come in the middle of an epoch (counted from 0)."""
    kind = objective_module(FAMILY).Objective
    step = kind.training_step

    def interrupted(self: Any, batch: Any, index: int) -> Any:
        if (self.current_epoch, index) == (epoch, 1):
            raise KeyboardInterrupt
        return step(self, batch, index)

    monkeypatch.setattr(kind, "training_step", interrupted)


def test_families_are_the_folders_and_an_unknown_one_is_named_with_those_there_are() -> None:
    assert FAMILY in families()
    with pytest.raises(InputError, match=f"no family 'nosuch'; there are: .*{FAMILY}"):
        recipes("nosuch")


def test_a_run_leaves_recipe_checkpoint_and_a_curve_with_a_row_for_each_epoch(
    small: Any, fitted: Fitted, fitted_folder: Path
) -> None:
    stored = json.loads((fitted_folder / "recipe.json").read_text())
    assert stored["epochs"] == small.run.epochs
    assert stored["asked"]["network"]["dropout"] == small.network.dropout
    rows = curve.read(fitted_folder / "curve.csv")
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert all({"loss", "val_accuracy", "val_nll"} <= row.keys() for row in rows)
    assert list(fitted.history) == rows


def test_progress_goes_to_stderr_one_line_an_epoch_with_that_epochs_figures(
    small: Any, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    fit(FAMILY, small, tmp_path)
    out, err = capfd.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("epoch ")]
    rows = curve.read(tmp_path / "curve.csv")
    assert out == ""
    assert [re.match(r"epoch (\d)/4 \d+s ", line)[1] for line in lines] == ["1", "2", "3", "4"]  # type: ignore[index]
    assert all(f"loss {row['loss']:.4f} " in line for line, row in zip(lines, rows, strict=True))


def test_the_averaged_weights_are_kept_and_they_are_those_that_were_validated(
    fitted: Fitted, fitted_folder: Path
) -> None:
    stored = last(fitted_folder)
    state = fitted.objective.state_dict()
    assert all(torch.equal(state[key], value) for key, value in stored["state_dict"].items())
    current = stored["current_model_state"]
    assert any(not torch.equal(state[key], value) for key, value in current.items())
    faces = fitted.data.validation
    batch = torch.from_numpy(faces.pixels)[:, None].float() / 255
    with torch.no_grad():
        raw = fitted.objective.network(fitted.objective.normalise(batch)).heads["expression"]
    right = (raw.argmax(dim=1).numpy() == faces.labels["expression"]).mean()
    assert fitted.history[-1]["val_accuracy"] == pytest.approx(right, abs=1e-6)


def test_the_same_recipe_gives_the_same_weights_and_another_seed_others(
    small: Any, fitted: Fitted, tmp_path: Path
) -> None:
    again = fit(FAMILY, small, tmp_path / "again").objective.state_dict()
    other = fit(FAMILY, replace(small, run=replace(small.run, seed=1)), tmp_path / "other").objective.state_dict()
    state = fitted.objective.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in again.items())
    assert not torch.equal(other["network.upper.expression.weight"], state["network.upper.expression.weight"])


@pytest.mark.parametrize("epoch", [1, 3])
def test_an_interrupted_run_goes_on_to_the_same_weights_as_an_unbroken_one(
    small: Any, fitted: Fitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    with monkeypatch.context() as patch:
        interrupt_at(patch, epoch)
        with pytest.raises(KeyboardInterrupt):
            fit(FAMILY, small, tmp_path)
    assert [row["epoch"] for row in curve.read(tmp_path / "curve.csv")] == list(range(1, epoch + 1))
    resumed = fit(FAMILY, small, tmp_path)
    rows = curve.read(tmp_path / "curve.csv")
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert resumed.history == fitted.history
    state = fitted.objective.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in resumed.objective.state_dict().items())


def test_ctrl_c_works_again_after_an_interrupted_run(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = signal.getsignal(signal.SIGINT)
    interrupt_at(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        fit(FAMILY, small, tmp_path)
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_finished_run_is_returned_as_it_is_without_a_further_step(
    small: Any, fitted: Fitted, fitted_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = (fitted_folder / "curve.csv").read_text()
    kind = objective_module(FAMILY).Objective
    monkeypatch.setattr(kind, "training_step", lambda *_: pytest.fail("a finished run was trained on"))
    again = fit(FAMILY, small, fitted_folder)
    state = fitted.objective.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in again.objective.state_dict().items())
    assert again.history == fitted.history
    assert (fitted_folder / "curve.csv").read_text() == table


@pytest.mark.parametrize(("section", "change"), [("run", {"seed": 7}), ("objective", {"learning_rate": 0.2})])
def test_a_folder_of_another_run_is_refused(
    small: Any, fitted_folder: Path, section: str, change: dict[str, Any]
) -> None:
    before = (fitted_folder / "recipe.json").read_text()
    asked = replace(small, **{section: replace(getattr(small, section), **change)})
    with pytest.raises(InputError, match=r"holds a run with other settings; choose another --out or delete it"):
        fit(FAMILY, asked, fitted_folder)
    assert (fitted_folder / "recipe.json").read_text() == before


def test_a_corrected_crop_geometry_does_not_make_another_run(small: Any, fitted: Fitted, fitted_folder: Path) -> None:
    crop = small.crop.model_copy(update={"name": "corrected"})
    again = fit(FAMILY, replace(small, crop=crop), fitted_folder)
    assert again.specification.crop.name == "corrected"
    assert again.history == fitted.history


def unfitted(recipe: Any) -> tuple[Any, DataLoader]:
    """Return an objective that has learned nothing, and its training data."""
    data = load(recipe.data)
    objective = objective_module(FAMILY).Objective(recipe, fitting.specify(recipe, data))
    return objective, loader(data.training, recipe.run.batch, 0, training=True)


def clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let every reading of the clock be `seconds` after the one before."""
    readings = iter(np.arange(10_000) * seconds)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: float(next(readings)))


def test_a_budget_is_divided_by_the_time_of_an_epoch(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """48 faces in batches of 16 are 3 steps of 2 s; 12 % are overhead."""
    objective, batches = unfitted(small)
    epoch = 1.12 * 3 * 2.0
    for epochs in (1, 5, 200):
        clock(monkeypatch, 2.0)
        run = replace(small.run, budget=(epochs + 0.5) * epoch / 3600)
        assert epochs_within(run, objective, batches) == epochs
    clock(monkeypatch, 2.0)
    assert epochs_within(replace(small.run, budget=1e-9), objective, batches) == 1


def test_steps_with_small_images_and_with_full_ones_are_timed_apart(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of the epochs has steps of 1 s, the others have steps of 5 s: 4 s each on average."""
    recipe = replace(small, objective=replace(small.objective, small_until=0.25))
    objective, batches = unfitted(recipe)
    monkeypatch.setattr(timing, "step_seconds", lambda *given: {0.0: 1.0, 1.0: 5.0}[given[3]])
    run = replace(small.run, budget=10.5 * 1.12 * 3 * 4.0 / 3600)
    assert epochs_within(run, objective, batches) == 10


def test_a_timed_step_is_a_step_of_training_in_the_precision_of_the_run(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    kind = objective_module(FAMILY).Objective
    loss = kind.loss

    def watched(self: Any, batch: Any, progress: float) -> torch.Tensor:
        seen.append((torch.is_autocast_enabled("cpu"), progress, batch["pixels"].device.type))
        return loss(self, batch, progress)

    monkeypatch.setattr(kind, "loss", watched)
    monkeypatch.setattr(hardware.torch.cuda, "is_available", lambda: False)
    objective, batches = unfitted(small)
    for precision, half in (("32", False), ("bf16", True)):
        seen.clear()
        epochs_within(replace(small.run, budget=1.0, precision=precision), objective, batches, steps=1)
        assert {(half, 0.0, "cpu"), (half, 1.0, "cpu")} == set(seen)


def test_timing_the_budget_leaves_the_network_as_it_was(small: Any) -> None:
    objective, batches = unfitted(small)
    before = {key: value.clone() for key, value in objective.state_dict().items()}
    epochs_within(replace(small.run, budget=1.0), objective, batches)
    assert all(torch.equal(value, before[key]) for key, value in objective.state_dict().items())


def test_a_budget_scales_the_whole_schedule_and_a_resumed_run_keeps_it(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rate comes down to 0 at the end of the epochs that fit, not of those that the recipe names."""
    asked = replace(small, run=replace(small.run, epochs=50, budget=1.0))
    monkeypatch.setattr(fitting, "epochs_within", lambda *_: 2)
    with monkeypatch.context() as patch:
        interrupt_at(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            fit(FAMILY, asked, tmp_path)
    monkeypatch.setattr(fitting, "epochs_within", lambda *_: pytest.fail("a resumed run was timed anew"))
    fitted = fit(FAMILY, asked, tmp_path)
    assert fitted.recipe.run.epochs == 2
    assert len(curve.read(tmp_path / "curve.csv")) == 2
    rates = [group["lr"] for group in last(tmp_path)["optimizer_states"][0]["param_groups"]]
    assert rates == pytest.approx([0, 0], abs=1e-9)


def test_the_cost_is_added_up_over_the_calls_that_a_run_took(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each reading of the clock is 600 s later: one for the start, one for each epoch, one for a break."""
    monkeypatch.setattr(hardware, "describe", lambda _: "an abacus")
    readings = iter(range(0, 600_000, 600))
    monkeypatch.setattr(cost.time, "perf_counter", lambda: next(readings))
    monkeypatch.setattr(fitting, "Lines", type("Quiet", (fitting.Callback,), {}))
    with monkeypatch.context() as patch:
        interrupt_at(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            fit(FAMILY, small, tmp_path)
    assert cost.read(tmp_path) == cost.Cost(1200, 1, ("an abacus",))
    fit(FAMILY, small, tmp_path)
    assert cost.read(tmp_path) == cost.Cost(3000, 4, ("an abacus",))
    assert cost.read(tmp_path).text(4) == "4 epochs, 0.83 h on an abacus"


def test_a_cost_of_which_only_a_part_was_recorded_says_so() -> None:
    assert cost.Cost(7200, 2, ("2 CPU cores, float32", "a GPU, bfloat16")).text(5) == (
        "5 epochs, 2.00 h for 2 of them on 2 CPU cores, float32 and a GPU, bfloat16"
    )
    assert cost.Cost().text(5) == "5 epochs, hours not recorded"


def test_the_hardware_is_named_by_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware.torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(hardware.torch.cuda, "is_available", lambda: False)
    assert hardware.describe("32") == "2 CPU cores, float32"
    monkeypatch.setattr(hardware.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(hardware.torch.cuda, "get_device_name", lambda: "A GPU")
    assert hardware.describe("bf16") == "A GPU, bfloat16"


@pytest.mark.parametrize(("native", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_automatic_precision_does_not_count_emulation(
    monkeypatch: pytest.MonkeyPatch, native: bool, expected: str
) -> None:
    monkeypatch.setattr(hardware.torch.cuda, "is_available", lambda: True)
    supported = lambda including_emulation=True: including_emulation or native  # noqa: E731
    monkeypatch.setattr(hardware.torch.cuda, "is_bf16_supported", supported)
    assert hardware.precision("auto") == expected
    assert hardware.precision("32") == "32-true"
    assert hardware.precision("bf16") == "bf16-mixed"


def test_without_cuda_a_run_is_computed_on_the_processor(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where Lightning would choose Apple's MPS."""
    asked = {}
    monkeypatch.setattr(hardware.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(fitting.L, "Trainer", lambda **named: asked.update(named))
    fitting._trainer(small.run, Path("nowhere"))
    assert asked["accelerator"] == "cpu"


def test_faces_are_brought_to_the_size_of_the_recipe(small: Any, tmp_path: Path) -> None:
    recipe = replace(small, size=32, run=replace(small.run, epochs=1))
    fitted = fit(FAMILY, recipe, tmp_path)
    assert fitted.specification.size == 32
    assert fitted.data.training.pixels.shape == (48, 32, 32)
    assert fitted.data.validation.pixels.shape == (16, 32, 32)


def test_too_few_faces_to_learn_from_are_refused(small: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gives no training faces"):
        fit(FAMILY, replace(small, data=replace(small.data, count=8)), tmp_path / "run")


def test_the_specification_is_measured_on_the_training_faces(small: Any, fitted: Fitted) -> None:
    pixels = fitted.data.training.pixels / 255
    spec = fitted.specification
    assert spec.mean == pytest.approx((pixels.mean(),), abs=1e-4)
    assert spec.std == pytest.approx((pixels.std(),), abs=1e-4)
    assert (spec.size, spec.crop) == (small.size, small.crop)
    assert spec.head("expression").labels == fitted.data.vocabularies["expression"].labels


def numbered(count: int) -> Faces:
    """Return faces whose pixels are their number."""
    pixels = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None], (count, 8, 8)).copy()
    return Faces(
        pixels, {"expression": np.eye(8, dtype=np.float32)[np.arange(count) % 8]}, {"expression": np.arange(count) % 8}
    )


def shown(batches: DataLoader) -> list[int]:
    return torch.cat([batch["pixels"][:, 0, 0, 0] for batch in batches]).tolist()


def test_every_face_is_shown_once_an_epoch_in_an_order_of_seed_and_epoch() -> None:
    orders = {(seed, epoch): [] for seed in (0, 1) for epoch in (0, 1)}
    for seed, epoch in orders:
        order = EpochOrder(20, seed)
        order.set_epoch(epoch)
        orders[seed, epoch] = list(order)
        assert sorted(order) == list(range(20))
        assert list(order) == orders[seed, epoch]
    assert len({tuple(order) for order in orders.values()}) == 4


def test_an_incomplete_last_batch_is_left_out_in_training_only() -> None:
    assert len(shown(loader(numbered(20), 8, 0, training=True))) == 16
    assert len(shown(loader(numbered(5), 8, 0, training=True))) == 5
    assert shown(loader(numbered(20), 8, 0, training=False)) == list(range(20))


def test_batches_keep_pixels_targets_and_labels_together() -> None:
    for batch in loader(numbered(20), 8, 0, training=True):
        number = batch["pixels"][:, 0, 0, 0].long()
        assert batch["pixels"].dtype == torch.uint8
        assert batch["pixels"].shape == (8, 1, 8, 8)
        assert batch["label"]["expression"].tolist() == (number % 8).tolist()
        assert batch["target"]["expression"].argmax(dim=1).tolist() == (number % 8).tolist()


def test_colour_faces_come_with_their_channels_first() -> None:
    faces = replace(numbered(4), pixels=np.zeros((4, 8, 6, 3), np.uint8))
    batch = next(iter(loader(faces, 4, 0, training=False)))
    assert batch["pixels"].shape == (4, 3, 8, 6)


def test_reading_batches_takes_no_random_numbers_from_the_network() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    shown(loader(numbered(20), 8, 0, training=True))
    assert torch.equal(torch.rand(3), expected)
