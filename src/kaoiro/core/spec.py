"""Specification: what a model eats and what it answers.

It travels inside the model folder and is read back by inference, so that a user never repeats a
setting and preprocessing is never guessed.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kaoiro.core.labels import Vocabulary

Point = tuple[float, float]
EVEN = 0.5
"""Probability from which a label counts as present where a model folder names none."""


class Strict(BaseModel):
    """Base of everything read from model.json: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CropGeometry(Strict):
    """Where a face lies in its crop.

    Attributes:
        name: a name for people.
        points: the five landmarks (left eye, right eye, nose, left and right mouth corner as seen in
            the picture) in units of the crop's side, x to the right, y down.
        box: the detector's box (left, top, width, height) in the same units; places faces for which
            only a box is known.
    """

    name: str
    points: tuple[Point, Point, Point, Point, Point]
    box: tuple[float, float, float, float]


class Head(Strict):
    """One answer of a model.

    Attributes:
        name: 'expression', 'expression_fer2013', 'affect', 'affect_spread', 'units', or another that is not written.
        activation: what turns the graph's raw output into the answer; 'exponential' is exp, for what is positive.
        labels: names of the outputs, in the graph's order.
        temperature: calibration; raw outputs are divided by it before the activation
            (Guo et al., 2017, "On Calibration of Modern Neural Networks").
        thresholds: of a sigmoid head, for each label the probability from which it counts as present, chosen on
            validation data; empty where none were chosen, which means `EVEN`. Answers stay probabilities.
    """

    name: str
    activation: Literal["softmax", "sigmoid", "tanh", "exponential", "identity"]
    labels: tuple[str, ...]
    temperature: Annotated[float, Field(gt=0)] = 1.0
    thresholds: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()

    @model_validator(mode="after")
    def _fitting(self) -> Head:
        if self.thresholds and (self.activation != "sigmoid" or len(self.thresholds) != len(self.labels)):
            raise ValueError("thresholds need a sigmoid head and one value per label")
        return self

    @property
    def vocabulary(self) -> Vocabulary:
        """The labels as a vocabulary."""
        return Vocabulary(self.name, self.labels)

    @property
    def present_from(self) -> dict[str, float]:
        """The probability from which each label counts as present, also where none was chosen."""
        return dict(zip(self.labels, self.thresholds or (EVEN,) * len(self.labels), strict=True))


class Specification(Strict):
    """Everything that inference must know of a model.

    Attributes:
        size: side of the square input, pixels.
        channels: 1 (luma, ITU-R BT.601) or 3 (RGB).
        mean, std: per channel, for pixels scaled to 0–1. The exported graph takes uint8 pixels and
            applies them itself; they are recorded for training on.
        window: number of frames that the model sees at once.
    """

    size: Annotated[int, Field(ge=8, le=1024)]
    channels: Literal[1, 3]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop: CropGeometry
    heads: tuple[Head, ...]
    window: int = 1

    @model_validator(mode="after")
    def _consistent(self) -> Specification:
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError("mean and std need one value per channel")
        if len({head.name for head in self.heads}) != len(self.heads) or not self.heads:
            raise ValueError("heads need distinct names, and there must be at least one")
        return self

    def head(self, name: str) -> Head:
        """Return the head called `name`, or raise KeyError."""
        return next((head for head in self.heads if head.name == name), None) or _no_head(self, name)


def _no_head(specification: Specification, name: str) -> Head:
    raise KeyError(f"no head '{name}'; this model has: {', '.join(head.name for head in specification.heads)}")
