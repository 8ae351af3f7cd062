"""The page of what was measured of groups: portraits of London, rendered skin tones."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kaoiro.core.files import write_text
from kaoiro.core.modelfile import ModelFolder
from kaoiro.core.revision import commit
from kaoiro.evaluation import report
from kaoiro.evaluation.groups import card, documents, page, picture, tones
from kaoiro.evaluation.groups.comparing import Audit
from kaoiro.evaluation.groups.portraits import London
from kaoiro.evaluation.groups.smiles import ADJUSTED, KINDS

NAME = "groups"
_HEAD = """# Whom does the model err on?

{stamp}
Written by `kaoiro evaluate groups --london DIR --face ASSETS --card --results docs/results`. The same for pictures of
your own: [audit groups](../how-to/audit-groups.md).

**This is no certificate.** {people} adults who were asked to be neutral or to smile, in one studio, say nothing of
other expressions, of children, of the old, of other light and cameras, of faces that move. Ethnicity is what people
said of themselves, and most groups are small: what is not found may still be there. Rendered faces show whether the
model depends on this renderer's skin, and nothing about people.

{explained}

## Portraits of London

Face Research Lab London Set (DeBruine and Jones, 2017): nothing of it was learned by, or chosen for, the head of
expressions; of valence, arousal and action units, choices were made on a part of it. All pictures go the way that
photos of users go: found, aligned, classified among eight expressions. Smiling counts as happiness. Bands of age were
fixed before.

![Errors and overconfidence by gender, age and ethnicity]({name}-london.png)
"""
_TONES = """## Rendered skin tones

{people} rendered people with the seven expressions of FER2013 at full intensity (`{table}` prototypes), each at six
lightnesses of the skin (L\\*, CIELAB) and everything else alike: so differences are paired, and made by tone. Hair,
brows and lips stay as they were, so brows stand out less from dark skin. Light is {lights}, person by person in turn.
*{same}*: light and camera do not follow the skin. *{exposed}*: so much light that skin looks as that of L\\*
{reference:g}. Anger, disgust, fear and sadness of rendered people are hardly ever recognised, at any tone, and have no
column ([why](rendered-world.md)): read the differences, not the levels.
"""


def write(folder: Path, model: ModelFolder, london: London, rendered: Mapping[str, Audit]) -> None:
    """Write groups.md, groups.json and its picture.

    Raises:
        OutputError: the folder cannot be written.
    """
    about = _about(model, london)
    parts = {"london": documents.brief(london.audit), "smiles by lips": london.lips}
    parts |= {f"skin tones, {lit}": documents.brief(one) for lit, one in rendered.items()}
    write_text(folder / f"{NAME}.json", documents.as_json(about | parts))
    write_text(folder / f"{NAME}.md", text(about, london, rendered))
    picture.write(folder / f"{NAME}-london.png", picture.figure("London, by group (people)", london.audit))


def _about(model: ModelFolder, london: London) -> dict[str, Any]:
    return {
        "measured": datetime.date.today().isoformat(),
        "commit": commit(),
        "machine": report.machine(),
        "model": model.name,
        "model_sha256": model.digest,
        "seed": london.audit.seed,
        "draws": london.audit.draws,
    }


def text(about: Mapping[str, Any], london: London, rendered: Mapping[str, Audit]) -> str:
    """Return the page."""
    stamp = "Model `{model}` ({model_sha256:.12}), commit {commit}, {measured}, seed {seed}, {draws} draws."
    people, stamp = london.audit.faces.persons, stamp.format(**about)
    blocks = [_HEAD.format(stamp=stamp, people=people, explained=page.EXPLAINED, name=NAME)]
    blocks.append(page.text(london.audit, brief=True))
    if london.lips is not None:
        blocks.append(_lips(london.lips))
    first = rendered[tones.LIT[0]]
    count = first.faces.persons
    lights, (same, exposed) = ", ".join(tones.LIGHT_NAMES), tones.LIT
    values = {"people": count, "table": tones.TABLE, "lights": lights, "same": same, "exposed": exposed}
    blocks.append(_TONES.format(**values, reference=tones.REFERENCE))
    for lit, audit in rendered.items():
        blocks += [f"### With {lit}", page.text(audit, brief=True)]
    return "\n\n".join(blocks)


def _lips(found: Mapping[str, Any]) -> str:
    """Return the section on smiles with lips together and apart."""
    rows = ["| | smiles | with lips apart | recall, lips together | recall, lips apart |", "|---|---|---|---|---|"]
    for label, row in found["groups"].items():
        shares = (row["share with lips apart"], *(row[f"recall, {kind}"] for kind in KINDS))
        rows.append(f"| {label} | {row['smiles']} | {' | '.join(f'{100 * share:.1f}' for share in shares)} |")
    (name, gaps), lines = next(one for one in found.items() if one[0] != "groups"), []
    for what in ("recall", ADJUSTED):
        low, high = (100 * end for end in gaps[what]["interval"])
        lines.append(f"* {name}, {what}: {100 * gaps[what]['gap']:+.1f} points [{low:+.1f}, {high:+.1f}]")
    table, told = "\n".join(rows), "\n".join(lines)
    return f"""### Is it how people smile?

Nobody measured the smiles, which may differ between groups. The model's own action unit 25 (lips apart), from a network
beside that of expressions, tells two kinds of them, and may err by group as well. So this says what goes together, and
does not clear the model: a smile with closed lips is a smile.

{table}

{told}"""


def summary(model: ModelFolder, london: London, rendered: Mapping[str, Audit]) -> dict[str, Any]:
    """Return what a terminal is told."""
    return _about(model, london) | {"found": card.statement(london, rendered)}
