"""The record reference, written from the code that defines the columns.

`python -m kaoiro.evaluation.reference docs/reference/records.md` rewrites the page; a test compares it.
"""

from __future__ import annotations

import sys

from kaoiro.core.files import write_text
from kaoiro.core.types import COLUMNS

_HEAD = """# Records

One row for each face in each frame, and **one row with empty face columns for a frame without a face**, so that
rows and time never slide against each other. Rows are in order of frames; faces of one frame are in order of size,
largest first. Boxes and landmarks are pixels of the upright picture as players show it (rotation and mirroring applied,
pixels made square by changing the width), with (0, 0) at its top left corner. Records carry no pixels.

CSV and JSON lines keep the decimals given below; Parquet keeps full precision. A missing value is an empty cell in
CSV, null elsewhere. This page is written by `python -m kaoiro.evaluation.reference docs/reference/records.md`.

"""

_TAIL = """
## Valence, arousal and action units

These columns are empty where the model has no head for them; `kaoiro models` says what each answers. Valence and
arousal are how a face looks, unpleasant to pleasant and calm to excited; `valence_sd` and `arousal_sd` are what the
model expects to be off in a single frame, also beside smoothed values. `au_12` and the others are probabilities that
the unit of the Facial Action Coding System (Ekman and Friesen, 1978) is visible at all. They are no intensities: a wide
smile and a slight one may both have 0.99. `kaoiro explain PHOTO --show aus` sets them beside what two tables of
prototypes expect of the expression.

**How far to trust the numbers.** Nobody scored action units on the photographs that the default model learned from.
Which of two faces shows more of a unit was learned from rendered people, whose units are known; how high the
probabilities of photographs are on average rests on an assumption, namely that a unit goes with an expression as often
as a prototype table says. On rendered people they are therefore off by as much as the calibration errors (ECE) in
[the results](../results/system-d.md) say; on real ones, nobody knows. To find out on faces that FACS coders scored:
[measure on your faces](../how-to/measure-on-your-faces.md).

**When a unit counts as visible.** Each unit has a threshold of its own, chosen on validation data (`kaoiro evaluate
thresholds`; [table](../results/thresholds-affect.md)) and stored in the model's folder; `kaoiro models affect` prints
them. `kaoiro explain`, overlays and the lines of a terminal go by them, for single frames and smoothed values alike;
the columns stay probabilities. A model folder without thresholds means 0.5.

## Changes from the resting face

With `--baseline FILE|auto`, columns that end in `_change` hold the measurement of that single frame minus the same
measurement of the person's resting face; without it they are empty. Expressions and action units are probabilities, so
these are **differences of probabilities**: `expression_happiness_change` 0.40 is a face that gets 0.40 more than the
same face at rest, not a smile of strength 0.40, and no likelihood of one. The changes of the eight add up to 0. The
resting face is one constant for each track (or for all rows, with FILE), namely `au_12 - au_12_change`; so the change
of a smoothed curve is `au_12_smooth - au_12 + au_12_change`.

FILE shows the person at rest: a photo, a video, a folder of them, or a table that `kaoiro analyze` wrote with the same
model; medians over its frames are the rest. `auto` takes a track's calmest quarter of seconds, those that look most
neutral for this face and in which it moves least, and their medians. It needs a face that was seen in ten different
seconds; shorter tracks are named and their changes stay empty, as those of photos do. Whoever smiles or talks
throughout has no rest in the recording, and the choice of the most neutral seconds makes neutral come out slightly
high. [How to compare expressions](../how-to/compare-expressions.md) says what this is good for.

## Words of your own

With `--classes WORDS` (in Python `Analyzer(classes=…)`) records have further columns after all others: `word_<name>`
for each word in the order in which they were asked for, then `word_<name>_smooth` for each. They are numbers 0–1 with
six decimals, empty where there is no face, where the model gave nothing, and (smoothed) in photos. `<name>` is the
entry of the [glossary](../how-to/words.md), whichever name was asked for: "Eyes wide" and 「目を見開く」 both make
`word_eyes_wide`; entries of your own may have names in any script, and keep them. The score is a product of the
probabilities of the facial actions that the word stands for, and no intensity. Closed eyes, winks, stretched mouths and
smiles of one side are read for words alone and have no columns of their own. Words have no `_change`; with
`--baseline`, look at the changes of their actions. Tables with and without words can be read by every command; other
words are another setting, so that a folder of results is measured again.

## Time

`time_s` is the frame's presentation timestamp times the stream's time base, with edit lists applied: variable frame
rates, gaps and starts other than zero are kept as they are. `frame` counts decoded frames from 0, and with `--every`
it still counts all of them. A stream without timestamps (raw H.264) gets the times of its nominal frame rate. Where
two recordings were joined without renewing their timestamps, time jumps back as it does in the file; tracks end there.

## Dialects

`--dialect py-feat` writes the columns of py-feat's Fex table that kaoiro measures (FaceRectX, FaceRectY,
FaceRectWidth, FaceRectHeight, FaceScore, AU01 … AU26, anger, disgust, fear, happiness, sadness, surprise, neutral,
valence, arousal, input, frame, approx_time), a row for each face and one with empty face columns for a frame without a
face. Action units are probabilities there too; valence and arousal are called as its Detectorv2 calls them. They are
empty where the model does not answer them. Pitch, Roll and Yaw are angles of the head in space there, and are left
out. `--dialect fer` writes the wide table of fer, a row for each frame
(box0, angry0, …; the columns of one face at least), with `source`, `frame` and `time_s` in front. Both know seven
expressions: contempt is dropped and the rest renormalised. Columns for which kaoiro measures nothing are left out, not
filled; neither tool has columns for changes from a resting face, or for words.
"""


def markdown() -> str:
    """Return the page."""
    lines = ["| column | kind | unit | decimals | meaning |", "|---|---|---|---|---|"]
    for column in COLUMNS:
        digits = "" if column.digits is None else str(column.digits)
        lines.append(f"| `{column.name}` | {column.kind} | {column.unit} | {digits} | {column.meaning} |")
    return _HEAD + "\n".join(lines) + "\n" + _TAIL


if __name__ == "__main__":
    write_text(sys.argv[1], markdown())
