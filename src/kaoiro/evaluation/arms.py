"""The arms of system C by name: what they are, which of them have language, and what each is compared with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """Arms that begin alike, so that they differ in what they say of classes alone.

    Attributes:
        section: of the results.
        backbone: the image tower with a linear layer.
        language: arms whose classes are words.
        rivals: cheap remedies for rare classes, without language.
        improved: what a user should take; None where there is none.
    """

    section: str
    backbone: str
    language: tuple[str, ...]
    rivals: tuple[str, ...] = ()
    improved: str | None = None

    @property
    def worded(self) -> tuple[str, ...]:
        """All arms whose classes are words."""
        return self.language if self.improved is None else (*self.language, self.improved)

    @property
    def arms(self) -> tuple[str, ...]:
        """All of them, in the order of tables."""
        return (self.backbone, *self.rivals, *self.worded)


SCRATCH = Comparison(
    "scratch",
    "linear",
    ("class-names", "descriptions", "frozen-text", "one-axis", "tied"),
    ("plain", "logit-adjusted", "votes", "negative-mixup"),
    "improved",
)
"""Without pretraining."""
BEGUN = "stills-"
"""Begins the names of arms whose image tower is that of a model which ships."""
CONTINUED = Comparison(
    "continued",
    f"{BEGUN}{SCRATCH.backbone}",
    language=tuple(f"{BEGUN}{arm}" for arm in ("class-names", "descriptions", "tied")),
    rivals=tuple(f"{BEGUN}{arm}" for arm in SCRATCH.rivals),
    improved=f"{BEGUN}improved",
)
"""The image tower begins with what it learned of expressions without language."""
ZERO_SHOT = "clip-zero-shot"
"""The only arm that learns nothing."""
PRETRAINED = Comparison(
    "pretrained",
    "clip-linear",
    ("clip-class-names", "clip-descriptions", "clip-frozen-text", ZERO_SHOT),
)
"""With published CLIP weights: C0 to C3 and Cz of SPEC 4.4."""
COMPARISONS = (SCRATCH, CONTINUED, PRETRAINED)
TIED = "-tied"
"""Ends the names of arms whose texts are tied to action units."""
UNSEEN = "unseen"
"""Section of arms that leave a class out; it begins their names."""
UNLEARNED = {f"{UNSEEN}-{label}{more}": label for label in ("contempt", "fear", "disgust") for more in ("", TIED)}
"""These arms, and the class whose text is asked about faces all the same."""
ARMS = {
    "linear": "image tower with a linear layer (C4)",
    "plain": "the same with batches as they come",
    "logit-adjusted": "plain, with logits adjusted by the shares of classes",
    "votes": "plain, with vote distributions of FER+ beside the classes",
    "negative-mixup": "linear, with mixup among negative classes",
    "class-names": "LASTED's loss on both axes, one text for each class (C5)",
    "descriptions": "the same with texts that name facial actions",
    "frozen-text": "the same with a text tower that learns nothing (C3's form)",
    "one-axis": "the same texts without their own axis of the loss",
    "tied": "descriptions; sentences on action units are tied to what `affect` reads of these",
    "improved": "votes, texts in two languages, logit adjustment",
    "stills-linear": "image tower of `stills-both` with a new linear layer",
    "stills-plain": "the same with batches as they come",
    "stills-logit-adjusted": "stills-plain, with logits adjusted by the shares of classes",
    "stills-votes": "stills-plain, with vote distributions of FER+ beside the classes, and the layers of `stills-both`",
    "stills-negative-mixup": "stills-linear, with mixup among negative classes",
    "stills-class-names": "the tower of `stills-both`; LASTED's loss on both axes, one text for each class",
    "stills-descriptions": "the same with texts that name facial actions",
    "stills-tied": "descriptions tied to action units as well",
    "stills-improved": "the tower of `stills-both`; votes, texts in two languages, logit adjustment",
    "unseen-contempt": "descriptions, votes beside the classes; contempt is left out, faces and votes",
    "unseen-contempt-tied": "the same, tied to action units as `tied`",
    "unseen-fear": "as unseen-contempt, without fear by either annotation",
    "unseen-fear-tied": "the same, tied to action units",
    "unseen-disgust": "as unseen-contempt, without disgust by either annotation",
    "unseen-disgust-tied": "the same, tied to action units",
    "clip-linear": "CLIP's image tower with a linear layer (C0)",
    "clip-class-names": "LASTED's loss, one text for each class (C1)",
    "clip-descriptions": "the same with texts that name facial actions (C2)",
    "clip-frozen-text": "as with class names; the text tower learns nothing (C3)",
    ZERO_SHOT: "CLIP as published, with its authors' names of expressions (Cz)",
}
"""What each arm is, in the order of plans."""
