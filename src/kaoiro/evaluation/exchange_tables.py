"""Tables of system B: source, ours and verdict, and the rows that `claims.toml` names.

What comes in are measurements of trained methods (`separation.separation`, `swapping.swapping`); what goes out are the
figures of a section of `exchange_report`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from kaoiro.core.codes import EXPRESSION_CODE, IDENTITY
from kaoiro.core.labels import EXPRESSION
from kaoiro.evaluation import swapping
from kaoiro.evaluation.measured import DRAWS, Found, Measured, above, difference, level, merged, ratio, verdict
from kaoiro.evaluation.separation import CLUSTERING, LAYERED, LEAKAGE, NEIGHBOURS


@dataclass(frozen=True)
class Row:
    """A row of the source's Table 3; accuracies 0-1 with their standard deviations, None where it has none."""

    title: str
    train: tuple[float, float]
    test: tuple[float, float] | None


MEANLESS = "vae - mean"
"""Row ⑦: codes of the plain autoencoder less the mean of their person (`core.codes.deviations`)."""
TABLE3: Mapping[str, Row] = MappingProxyType(
    {
        "conventional": Row("① conventional", (0.5633, 0.0254), (0.4995, 0.0358)),
        "adversarial": Row("② ① + adversarial loss", (0.5346, 0.0266), (0.4810, 0.0326)),
        "switched": Row("③ ② + switch loss", (0.6264, 0.0248), (0.5995, 0.0431)),
        "iterated": Row("④ ③, stages iterated", (0.6428, 0.0281), (0.6283, 0.0524)),
        "iterated-128": Row("⑤ ④ at 128 pixels", (0.6795, 0.0371), (0.6592, 0.0665)),
        "vae": Row("⑥ plain autoencoder", (0.3808, 0.0156), (0.2207, 0.0321)),
        MEANLESS: Row("⑦ ⑥ less the person's mean", (0.4899, 0.0276), None),
        "cvae": Row("⑧ conditional autoencoder", (0.5905, 0.0423), None),
    }
)
"""The source's figures by recipe."""
OURS = MappingProxyType(
    {
        "switched-matched": "③ with the updates of ④",
        "improved": "improved",
        "decoded": "the code of improved, a learned decoder",
        "advanced": "④ with more losses",
    }
)
"""Further recipes that stand beside them."""
GAPS = (
    ("⑦ - ⑥", MEANLESS, "vae"),
    ("① - ⑦", "conventional", MEANLESS),
    ("① - ②", "conventional", "adversarial"),
    ("③ - ①", "switched", "conventional"),
    ("④ - ③", "iterated", "switched"),
    ("④ - ③ with as many updates", "iterated", "switched-matched"),
    ("improved - ④", "improved", "iterated"),
)
"""Differences of the clustering accuracy that are to lie above 0; ② may tie with ①."""
UNSEEN, LEAK, LEAK_OF_VAE, COPY, STEADY = 0.6283, 3.0, 20.0, 0.5, 0.9
"""Limits of SPEC 3.8: accuracy on unseen people, times chance of the reader of identity (of the expression code, and
of a plain autoencoder), share of a copy's landmark error, share of monotone courses."""
REAL = 0.488
"""The linear reader on FER2013 (SPEC 10), and what others reached without labels (SPEC 3.9)."""
PUBLISHED = MappingProxyType({"FaceCycle": 0.4876, "BMVC 2020": 0.4761, "FAb-Net": 0.4698, "TCAE": 0.4505})
PARTS = ("train", "test")
"""People that the method learned from, and people it never saw."""
BASE = "conventional"
"""What is added to, one part at a time."""
CLAIMED = ("iterated", "improved")
"""Recipes whose codes and swaps are judged by the limits."""
Runs = Mapping[str, Sequence[Measured]]
"""Measurements by recipe, one for each seed; put folds of a seed together by `measured.merged`."""


def table3(parts: Mapping[str, Runs]) -> dict[str, Any]:
    """Return claims and tables of the clusters: 'table 3', and all k and measures of each recipe.

    Args:
        parts: 'train' and 'test'; recipes by the names of `TABLE3` and `OURS`, those that lack are left out.
    """
    rows: dict[str, dict[str, Any]] = {}
    for part in PARTS:
        runs = parts.get(part, {})
        for name, ours, theirs in GAPS:
            found = difference(runs.get(ours, ()), runs.get(theirs, ()), CLUSTERING)
            rows[f"{name}, {part}"] = above(found, may_tie=name == "① - ②")
    for name, title in zip(CLAIMED, ("④", "improved"), strict=True):
        rows[f"{title} on unseen people"] = verdict(level(parts.get("test", {}).get(name, ()), CLUSTERING), UNSEEN)
    tables = {f"clusters, {part}": _clusters(runs) for part, runs in parts.items()}
    return {"draws": DRAWS, "claims": rows, "table 3": _table3(parts)} | {
        key: one for key, one in tables.items() if one
    }


def _table3(parts: Mapping[str, Runs]) -> dict[str, dict[str, Any]]:
    result = {}
    for name, title in ({key: row.title for key, row in TABLE3.items()} | OURS).items():
        source, row = TABLE3.get(name), {}
        for part in PARTS:
            seeds = parts.get(part, {}).get(name, ())
            theirs = None if source is None else getattr(source, part)
            row[f"source, {part}"] = None if theirs is None else f"{theirs[0]:.4f} ± {theirs[1]:.4f}"
            row[f"ours, {part}"] = _cell(seeds)
            row[f"verdict, {part}"] = _reached(seeds, theirs)
        row["seeds"] = max((len(parts.get(part, {}).get(name, ())) for part in PARTS), default=0)
        result[title] = row
    return result


def _cell(seeds: Sequence[Measured]) -> str | None:
    found = level(seeds, CLUSTERING)
    if found is None:
        return None
    spread = merged(seeds).tables.get("clustering", {}).get(USUAL, {}).get("sd")
    return f"{found[0]:.4f}{'' if spread is None else f' ± {spread:.4f}'} ({found[1]:.4f} to {found[2]:.4f})"


USUAL = "six expressions, k = 9"
"""The source's way to cluster, as tables of `separation` call it."""


def _reached(seeds: Sequence[Measured], theirs: tuple[float, float] | None) -> str | None:
    if theirs is None:
        return None
    word = verdict(level(seeds, CLUSTERING), theirs[0])["verdict"]
    return {"holds": "reached", "does not hold": "missed"}.get(word, word)


def _clusters(runs: Runs) -> dict[str, dict[str, Any]]:
    """Return one row for each recipe and kind of clusters."""
    rows = {}
    for name, seeds in runs.items():
        for kind, row in (merged(seeds).tables.get("clustering", {}) if seeds else {}).items():
            rows[f"{name}: {kind}"] = dict(row)
    return rows


def variants(
    found: Mapping[str, Mapping[str, Measured]], whole: str, gaps: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Return claims and a table of codes that are made in several ways.

    Args:
        found: by way, then by part ('train', 'test').
        whole: the way that claims are about.
        gaps: ways of which the first shall find more expressions in unseen people than the second.
    """
    rows = {
        f"{whole}: unseen people": verdict(level([found[whole]["test"]], CLUSTERING), UNSEEN),
        f"{whole}: identity, times chance": verdict(times_chance([found[whole]["train"]]), LEAK, at_most=True),
        f"{whole}: identity, times chance, unseen people": verdict(
            times_chance([found[whole]["test"]]), LEAK, at_most=True
        ),
    }
    for first, second in gaps:
        ours, theirs = ([found[name]["test"]] for name in (first, second))
        rows[f"{first} - {second}"] = above(difference(ours, theirs, CLUSTERING))
    table = {
        name: {f"clusters, {part}": _between(level([one], CLUSTERING)) for part, one in parts.items()}
        | {f"{NEIGHBOURS}, {part}": _between(level([one], NEIGHBOURS)) for part, one in parts.items()}
        | {f"identity, times chance, {part}": _between(times_chance([one]), 1) for part, one in parts.items()}
        for name, parts in found.items()
    }
    return {"draws": DRAWS, "claims": rows, "codes": table}


def additions(codes: Mapping[str, Runs], swaps: Runs, names: Sequence[str]) -> dict[str, Any]:
    """Return claims and a table of ① with one more part each.

    Args:
        codes: by 'train' and 'test', measurements of `separation` by recipe.
        swaps: of `swapping.swapping`, by recipe.
        names: recipes that are held against `BASE`.
    """
    base, test, train = BASE, codes.get("test", {}), codes.get("train", {})
    rows: dict[str, dict[str, Any]] = {}
    for name in names:
        for what, measure in (("clusters", CLUSTERING), (NEIGHBOURS, NEIGHBOURS)):
            rows[f"{what}, {name} - {base}"] = above(difference(test.get(name, ()), test.get(base, ()), measure))
    errors = tuple(f"{swapping.ERRORS[0]}, {one}" for one in (swapping.SWAP, swapping.OWN))
    table = {
        name: {
            "clusters, unseen": _between(level(test.get(name, ()), CLUSTERING)),
            f"{NEIGHBOURS}, unseen": _between(level(test.get(name, ()), NEIGHBOURS)),
            "identity, times chance": _between(times_chance(train.get(name, ())), 1),
            "landmark error / own picture": _between(ratio(swaps.get(name, ()), *errors)),
            "identity kept": _between(level(swaps.get(name, ()), "identity kept")),
        }
        for name in (base, *names)
    }
    return {"draws": DRAWS, "claims": rows, "additions": table}


def separation(parts: Mapping[str, Runs]) -> dict[str, Any]:
    """Return claims and tables of what codes hold: readers, variances, action units.

    Args:
        parts: 'train' and 'test'; recipes by name.
    """
    train = parts.get("train", {})
    rows = {
        f"identity from μ_e, times chance, {name}": verdict(times_chance(train.get(name, ())), LEAK, at_most=True)
        for name in CLAIMED
    }
    for name in CLAIMED:
        found = times_chance(parts.get("test", {}).get(name, ()))
        rows[f"identity from μ_e, times chance, {name}, unseen people"] = verdict(found, LEAK, at_most=True)
    rows["identity from a plain autoencoder, times chance"] = verdict(times_chance(train.get("vae", ())), LEAK_OF_VAE)
    tables: dict[str, Any] = {}
    for part, runs in parts.items():
        known = {name: seeds for name, seeds in runs.items() if seeds}
        tables[f"readers, {part}"] = {name: _readers(seeds) for name, seeds in known.items()}
        for table in ("codes", "action units"):
            tables[f"{table}, {part}"] = _filled(
                {f"{name}: {code} code": row for name, seeds in known.items() for code, row in _tabled(seeds, table)}
            )
    return {"draws": DRAWS, "claims": rows} | {key: table for key, table in tables.items() if table}


def _tabled(seeds: Sequence[Measured], table: str) -> list[tuple[str, Mapping[str, float]]]:
    return list(merged(seeds).tables.get(table, {}).items())


def _filled(rows: dict[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """Return rows that all have the same columns; None where one has no figure."""
    columns = dict.fromkeys(column for row in rows.values() for column in row)
    return {name: {column: row.get(column) for column in columns} for name, row in rows.items()}


def times_chance(seeds: Sequence[Measured]) -> Found | None:
    """Return how often identity is read from the expression code, times the number of people, by the better reader."""
    found = [one for one in (level(seeds, LEAKAGE), level(seeds, LEAKAGE + LAYERED)) if one is not None]
    if not found:
        return None
    share, low, high = max(found)
    people = 1 / merged(seeds).tables["chance"]["chance"][IDENTITY]
    return people * share, people * low, people * high


def _readers(seeds: Sequence[Measured]) -> dict[str, str | None]:
    names = {NEIGHBOURS: NEIGHBOURS}
    for code in (EXPRESSION_CODE, IDENTITY):
        for what in (EXPRESSION, IDENTITY):
            names |= {f"{what} from {code}{more}": f"{what} from {code}{more}" for more in ("", LAYERED)}
    row = {title: _between(level(seeds, name)) for title, name in names.items()}
    chances = merged(seeds).tables.get("chance", {}).get("chance", {})
    for what in (NEIGHBOURS, EXPRESSION, IDENTITY):
        row[f"chance of {what}"] = f"{chances[what]:.3f}" if what in chances else None
    times = times_chance(seeds)
    return row | {"identity from expression, times chance": _between(times, 1)}


def _between(found: Found | None, digits: int = 3) -> str | None:
    return None if found is None else f"{found[0]:.{digits}f} ({found[1]:.{digits}f} to {found[2]:.{digits}f})"


def swap(runs: Runs) -> dict[str, Any]:
    """Return claims and tables of swaps, courses and wrinkles on unseen people.

    Args:
        runs: of `swapping.swapping`, by recipe.
    """
    rows = {}
    for name in CLAIMED:
        seeds = runs.get(name, ())
        for copy in (swapping.OWN, swapping.SOURCE):
            errors = (f"{swapping.ERRORS[0]}, {one}" for one in (swapping.SWAP, copy))
            rows[f"landmark error / {copy}, {name}"] = verdict(ratio(seeds, *errors), COPY, at_most=True)
        rows[f"monotone courses, {name}"] = verdict(level(seeds, swapping.MONOTONE), STEADY)
    known = {name: seeds for name, seeds in runs.items() if seeds}
    tables: dict[str, Any] = {"swaps": _swaps(known)}
    measures = ("identity kept", "identity found", *_doubled("sharpness"), *_doubled("wrinkles"))
    courses = [
        name + end
        for name in (swapping.MONOTONE, swapping.STRAIGHT, swapping.JUMP)
        for end in ("", f", {swapping.FADED}")
    ]
    for title, columns in (("pictures", measures), ("courses", courses)):
        tables[title] = {
            name: {column: _between(level(seeds, column)) for column in columns} for name, seeds in known.items()
        }
    for table in ("what codes do", "wrinkles", "distance between sets of pictures"):
        tables[table] = _filled(
            {f"{name}: {key}": row for name, seeds in known.items() for key, row in _tabled(seeds, table)}
        )
    return {"draws": DRAWS, "claims": rows} | {key: table for key, table in tables.items() if table}


def _doubled(name: str) -> tuple[str, str]:
    return f"{name}, {swapping.SWAP}", f"{name}, {swapping.UPPER}"


def _swaps(runs: Runs) -> dict[str, dict[str, str | None]]:
    """Return the errors of every recipe's swaps and of its own upper bound; copies are the same for all."""
    rows = {}
    for number, (name, seeds) in enumerate(runs.items()):
        copies = {} if number else {one: one for one in (swapping.OWN, swapping.SOURCE)}
        for title, method in (copies | {name: swapping.SWAP, f"{name}: {swapping.UPPER}": swapping.UPPER}).items():
            rows[title] = {what: _between(level(seeds, f"{what}, {method}")) for what in swapping.ERRORS}
    return rows
