"""From a fitted run to a model folder: graph, calibration, description."""

from __future__ import annotations

import dataclasses
import datetime
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from kaoiro.core.errors import DataError
from kaoiro.core.faces import Faces
from kaoiro.core.files import sha256
from kaoiro.core.labels import AFFECT_HEAD, EXPRESSION, UNITS_HEAD
from kaoiro.core.modelfile import (
    GRAPH,
    WEIGHTS,
    Card,
    Description,
    ModelFolder,
    Provenance,
    load,
    write_description,
)
from kaoiro.core.revision import commit
from kaoiro.core.spec import Head, Specification
from kaoiro.inference.classifier import Classifier, activate
from kaoiro.metrics.accuracy import accuracy, confusion, macro_recall
from kaoiro.metrics.agreement import area_under_curve, concordance
from kaoiro.metrics.calibration import expected_calibration_error, fit_temperature, negative_log_likelihood
from kaoiro.training.exposed import exposed
from kaoiro.training.fit import Fitted
from kaoiro.training.folding import fold

UNTAUGHT = "Its scores say nothing, they are the same for every face: it learned features, to begin training from."
"""Of models that learned without labels."""


class Exported(nn.Module):
    """A network with its normalisation, eating uint8 pixels (B, C, H, W)."""

    mean: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, specification: Specification) -> None:
        super().__init__()
        deployed = getattr(network, "deployed", None)
        self.network = network if deployed is None else deployed()
        shape = (1, specification.channels, 1, 1)
        self.register_buffer("mean", 255 * torch.tensor(specification.mean).reshape(shape))
        self.register_buffer("scale", 1 / (255 * torch.tensor(specification.std).reshape(shape)))
        self.names = tuple(head.name for head in specification.heads)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Return the features and the raw outputs of each head, in the specification's order."""
        answer = self.network((pixels.float() - self.mean) * self.scale)
        return (answer.features, *(answer.heads[name] for name in self.names))


def export_graph(network: nn.Module, specification: Specification, path: Path) -> None:
    """Write a network as ONNX with weights stored in half precision (computed in single), and where it looks."""
    import onnx

    module = Exported(network, specification).eval().cpu()
    size, channels = specification.size, specification.channels
    names = ["features", *module.names]
    axes = {name: {0: "faces"} for name in ["pixels", *names]}
    example = torch.zeros(2, channels, size, size, dtype=torch.uint8)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        raw = Path(folder) / GRAPH
        torch.onnx.export(
            module,
            (example,),
            str(raw),
            input_names=["pixels"],
            output_names=names,
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        model = onnx.load(str(raw))
    path.write_bytes(exposed(halved(model)).SerializeToString())


def halved(model: Any, least: int = 256) -> Any:
    """Store float32 weights of at least `least` values as float16 with a Cast that the runtime folds away."""
    import onnx
    from onnx import numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < least:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def export(fitted: Fitted, family: str, recipe_name: str, folder: str | Path, name: str, budget: str) -> ModelFolder:
    """Write a model folder and calibrate it on the held-out faces, through the graph that users run.

    Where no label was looked at, heads answer 0 for every label and face: all labels are equally likely, there is
    nothing to calibrate, and a later stage that begins from the model begins its last layer from there.

    Args:
        fitted: the finished run.
        family: where it came from.
        recipe_name: the named recipe.
        folder: receives model.json, model.onnx, weights.safetensors.
        name: of the model.
        budget: what the training cost, in words.

    Raises:
        DataError: no held-out face carries a clear label.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    network = getattr(fitted.objective, "network", None)
    assert isinstance(network, nn.Module)
    taught = _taught(fitted)
    if not taught:
        _silence(network)
    export_graph(network, fitted.specification, folder / GRAPH)
    _save(network, folder / WEIGHTS)
    description = Description(
        name=name,
        specification=fitted.specification,
        files={},
        provenance=_provenance(fitted, f"{family}/{recipe_name}", budget),
        card=_card(fitted),
    )
    write_description(folder, description)
    if not taught:
        return load(folder)
    held, labels = fitted.data.validation, fitted.specification.head(EXPRESSION).labels
    if fold(network, Classifier(load(folder)).predict(held.pixels), held, labels):
        export_graph(network, fitted.specification, folder / GRAPH)
        _save(network, folder / WEIGHTS)
        write_description(folder, description)
    specification, numbers = calibrated(load(folder), held)
    card = description.card.model_copy(update={"numbers": numbers})
    write_description(folder, description.model_copy(update={"specification": specification, "card": card}))
    return load(folder)


def _taught(fitted: Fitted) -> bool:
    """Return whether a run looked at labels; an objective that does not says so."""
    return getattr(fitted.objective, "taught", True)


@torch.no_grad()
def _silence(network: nn.Module) -> None:
    """Let the heads of a network answer 0, whatever they are shown."""
    for parameter in network.get_submodule("upper").parameters():
        parameter.zero_()


def _save(network: nn.Module, path: Path) -> None:
    save_file({k: v.contiguous().cpu() for k, v in network.state_dict().items()}, path)


def calibrated(model: ModelFolder, faces: Faces) -> tuple[Specification, dict[str, float]]:
    """Fit the temperature of every head of expressions on held-out faces.

    Returns:
        The specification with the temperatures, and figures measured on the same faces; those of further heads carry
        their names.
    """
    answer, heads, numbers = Classifier(model).predict(faces.pixels), [], {}
    for head in model.specification.heads:
        if head.activation != "softmax":  # calibrated by `folding`
            heads.append(head)
            numbers |= _agreement(answer.heads[head.name], faces, head)
            continue
        clear = faces.labels[head.name] >= 0
        if not clear.any():
            raise DataError(f"no held-out face has a clear label to calibrate the head {head.name} on")
        raw, truth = answer.raw[head.name][clear], faces.labels[head.name][clear]
        warm = head.model_copy(update={"temperature": round(fit_temperature(raw, truth), 4)})
        heads.append(warm)
        prefix = "training_val" if head.name == EXPRESSION else f"training_val_{head.name}"
        numbers |= _figures(activate(raw, warm), truth, prefix)
    return model.specification.model_copy(update={"heads": tuple(heads)}), numbers


def _agreement(answer: np.ndarray, faces: Faces, head: Head) -> dict[str, float]:
    """Return CCC of valence and arousal, or the mean AUC of action units, on the held-out faces that have labels.

    Of units, those are rendered people: no photograph has labels of them.
    """
    if head.name not in (AFFECT_HEAD, UNITS_HEAD):
        return {}
    known = ~np.isnan(faces.targets[head.name]).any(axis=1)
    if not known.any():
        return {}
    answer, truth = answer[known], faces.targets[head.name][known]
    if head.name == AFFECT_HEAD:
        found = {name: concordance(truth[:, k], answer[:, k]) for k, name in enumerate(head.labels)}
        return {f"training_val_{name}_ccc": round(value, 4) for name, value in found.items()}
    present = truth > 0.5
    both = [k for k in range(len(head.labels)) if present[:, k].any() and not present[:, k].all()]
    if not both:
        return {}
    return {
        "training_val_rendered_units_auc": round(
            float(np.mean([area_under_curve(present[:, k], answer[:, k]) for k in both])), 4
        )
    }


def _figures(probabilities: np.ndarray, truth: np.ndarray, prefix: str) -> dict[str, float]:
    counts = confusion(truth, probabilities.argmax(axis=1), probabilities.shape[1])
    numbers = {
        "accuracy": accuracy(counts),
        "macro_recall": macro_recall(counts),
        "ece": expected_calibration_error(probabilities, truth),
        "nll": negative_log_likelihood(probabilities, truth),
    }
    return {f"{prefix}_n": float(len(truth))} | {f"{prefix}_{name}": round(v, 4) for name, v in numbers.items()}


def _card(fitted: Fitted) -> Card:
    """Return what is known before anything is measured."""
    limits, numbers = fitted.data.limits, {}
    if not _taught(fitted):
        limits = (UNTAUGHT, *limits)
        last = fitted.history[-1]
        numbers = {f"training_{name}": round(value, 4) for name, value in last.items() if name.startswith("val_")}
    return Card(summary=_summary(fitted), limits=limits, licence=fitted.data.licence, numbers=numbers)


def _summary(fitted: Fitted) -> str:
    size, vocabularies = fitted.specification.size, fitted.data.vocabularies
    labels = " and ".join(str(len(labels)) for name, labels in vocabularies.items() if name.startswith(EXPRESSION))
    more = [", valence and arousal"] if AFFECT_HEAD in vocabularies else []
    more += [f", {len(vocabularies[UNITS_HEAD])} action units"] if UNITS_HEAD in vocabularies else []
    if not _taught(fitted):
        return f"features of a still {size}x{size} face, learned without labels; it tells no expressions apart"
    return f"{labels} expressions{''.join(more)} of a still {size}x{size} face, calibrated"


def _provenance(fitted: Fitted, recipe: str, budget: str) -> Provenance:
    settings = dataclasses.asdict(fitted.recipe) | {"crop": fitted.recipe.crop.model_dump(mode="json")}
    settings["data"] |= _nameless(settings["data"])
    if fitted.recipe.run.start is not None:
        settings["run"] |= {"start": _origin(fitted.recipe.run.start)}
    if settings["network"].get("weights"):
        settings["run"] |= {"weights": _published(Path(settings["network"]["weights"]))}
        settings["network"] |= {"weights": settings["run"]["weights"]["name"]}
    data, unseen = fitted.data, "" if _taught(fitted) else ", which were not looked at"
    return Provenance(
        recipe=recipe,
        settings=settings,
        data=f"{data.description}{unseen}: {len(data.training)} faces; training-val {len(data.validation)}",
        seed=fitted.recipe.run.seed,
        budget=budget,
        commit=commit(),
        created=datetime.date.today().isoformat(),
        history=_columns(fitted.history),
    )


def _nameless(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of data that name folders, without where on this machine these are."""
    found: dict[str, Any] = {"root": None}
    if data.get("rendered"):
        found["rendered"] = [Path(root).name for root in data["rendered"]]
    if data.get("generated"):
        found["generated"] = Path(data["generated"]).name
    if data.get("teacher"):
        teacher = load(data["teacher"])
        found["teacher"] = {"name": teacher.name, "graph_sha256": teacher.digest}
    return found


def _columns(rows: Sequence[Mapping[str, float]]) -> dict[str, tuple[float | None, ...]]:
    """Return a learning curve by column, to four decimals; None where an epoch has no figure."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: tuple(round(row[name], 4) if name in row else None for row in rows) for name in names}


def _published(weights: Path) -> dict[str, Any]:
    """Return which file of published weights training began with, without where it lies."""
    return {"name": weights.name, "sha256": sha256(weights) if weights.is_file() else None}


def _origin(start: str) -> dict[str, Any]:
    """Return where the weights came from that training began with."""
    model = load(start)
    weights = {"weights_sha256": model.description.files[WEIGHTS]} if (model.path / WEIGHTS).is_file() else {}
    came_from = model.description.provenance.model_dump(mode="json")
    return {"name": model.name, "graph_sha256": model.digest, **weights, "provenance": came_from}
