"""An audit of groups as text: tables, and what can be said of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kaoiro.core.plain import printable
from kaoiro.evaluation.groups.comparing import BY_CHANCE, DIFFERS, DOING, SCORES, Audit, Figure, Largest
from kaoiro.evaluation.groups.measures import ECE, ERROR, LOSS, MEAN_RECALL, OVERCONFIDENCE
from kaoiro.metrics.groups import ENOUGH, reach

_SHOWN = 0.02
"""Mean score in some group from which on a row of scores is printed; all of them are in the CSV and the JSON."""
_FAR, _NEVER = 0.2, 0.05  # gaps of scores from which on a brief page prints them, and recalls below which it does not
_NAMED = 6  # differences that a sentence lists
_RARE = 0.001  # p below which it is not written out
EXPLAINED = f"""Shares are percent, in brackets 95 % intervals: bootstrap over people with all their pictures, or,
where all or none of a group err, the exact interval by people. *{OVERCONFIDENCE}*: mean confidence less share of
right answers, in points. *{ECE}*: expected calibration error, 15 bins, behind it mean and 95 % quantile of what a
calibrated model has by chance in that group: an {ECE} within that shows nothing. *{LOSS}*: mean of -log p(truth).
*{MEAN_RECALL}*: over the expressions that all groups have, where groups have other shares of them. Errors are of
faces that were found. p: rearrangements of who belongs to which group, as many as draws, two-sided; *adjusted*:
Benjamini and Hochberg over all tests of a run, those of scores and of largest gaps apart. *detectable*: difference
from the rest that would be found in four of five cases, were it the only test."""


def text(found: Audit, notes: Sequence[str] = (), brief: bool = False) -> str:
    """Return an audit as Markdown: what can be said, then the tables of each column.

    Args:
        found: the audit.
        notes: further sentences.
        brief: of differences and gaps, only errors; of scores, what goes far apart; no recalls near 0.
    """
    blocks = ["\n".join(f"* {line}" for line in [*reading(found, brief), *notes])]
    for column in found.about:
        blocks += [f"### By {_safe(column)}", *_tables(found, column, brief)]
    return "\n\n".join(blocks)


def _tables(found: Audit, column: str, brief: bool) -> list[str]:
    blocks = [_table(*_groups(found, column, brief))]
    unknown = found.unknown[column]
    if unknown["pictures"]:
        counts = f"{unknown['pictures']} pictures of {unknown['people']} people"
        blocks.append(f"Of {counts} nothing is known here; they are in no group.")
    rows = [_difference_row(one) for one in found.of(column, DOING) if _told(one, brief)]
    if rows:
        seldom = "" if brief else " (recalls and ECE only where they differ)"
        blocks += [f"Against everybody else{seldom}:", _table(_DIFFERENCE_HEAD, rows)]
    gaps = [one for one in found.gaps if one.column == column and one.family == DOING]
    if brief:
        gaps = [one for one in gaps if one.measure == ERROR]
    if gaps:
        what = f"Largest gaps between two groups of {ENOUGH} people or more:"
        blocks += [what, _table(_GAP_HEAD, map(_gap_row, gaps))]
    rows = _score_rows(found, column, brief)
    if rows:
        names, what = list(found.about[column]), f"Mean scores{', where they are far apart' if brief else ''}:"
        blocks += [what, _table(["", *names, "largest gap", "adjusted p"], rows)]
    return blocks


def _told(one: Figure, brief: bool) -> bool:
    usual = not one.measure.startswith((ECE, "recall", MEAN_RECALL))
    return one.p is not None and (one.measure == ERROR if brief else usual or one.verdict == DIFFERS)


def _groups(found: Audit, column: str, brief: bool) -> tuple[list[str], list[list[str]]]:
    figures = found.of(column, DOING)
    names = [name for name in dict.fromkeys(one.measure for one in figures) if not (brief and _never(found, name))]
    rows = []
    for group, about in found.about[column].items():
        cells = {one.measure: _cell(one) for one in figures if one.group == group}
        if BY_CHANCE in about:
            mean, most = about[BY_CHANCE]
            cells[ECE] += f"; by chance {100 * mean:.1f}, {100 * most:.1f}"
        few = " (too few)" if about["people"] < ENOUGH else ""
        rows.append([f"{group}{few}", str(about["people"]), str(about["pictures"]), *(cells[name] for name in names)])
    return ["group", "people", "pictures", *names], rows


def _never(found: Audit, name: str) -> bool:
    return name.startswith("recall") and found.overall[name] < _NEVER


def _cell(one: Figure) -> str:
    return f"{_number(one.measure, one.value)} {_interval(one.measure, one.low, one.high)}".strip()


def is_plain(measure: str) -> bool:
    """Whether a measure is no share, and its unit therefore not percent."""
    return measure == LOSS or measure.endswith(("valence", "arousal"))


def _number(measure: str, value: float | None, sign: bool = False) -> str:
    if value is None:
        return "–"
    plus = "+" if sign else ""
    return f"{value:{plus}.3f}" if is_plain(measure) else f"{100 * value:{plus}.1f}"


def _interval(measure: str, low: float | None, high: float | None, sign: bool = False) -> str:
    if low is None or high is None:
        return ""
    return f"[{_number(measure, low, sign)}, {_number(measure, high, sign)}]"


_DIFFERENCE_HEAD = ["group", "figure", "people", "rest", "difference", "p", "adjusted", "detectable", ""]


def _difference_row(one: Figure) -> list[str]:
    interval = _interval(one.measure, one.difference_low, one.difference_high, True)
    return [
        one.group,
        one.measure,
        str(one.people),
        _number(one.measure, one.rest),
        f"{_number(one.measure, one.difference, True)} {interval}".strip(),
        _chance(one.p),
        _chance(one.adjusted),
        _number(one.measure, one.detectable),
        one.verdict,
    ]


def _chance(p: float | None) -> str:
    return "–" if p is None else f"below {_RARE:g}" if p < _RARE else f"{p:.3f}"


_GAP_HEAD = ["figure", "most", "least", "gap", "by chance: mean, 95 %", "p", "adjusted"]


def _gap_row(one: Largest) -> list[str]:
    gap, name = one.gap, one.measure
    chance = ", ".join(_number(name, value) for value in gap.chance)
    size, adjusted = _size(one)
    return [name, one.most, one.least, size, chance, _chance(gap.p), adjusted]


def _score_rows(found: Audit, column: str, brief: bool) -> list[list[str]]:
    by_measure: dict[str, list[Figure]] = {}
    for one in found.of(column, SCORES):
        by_measure.setdefault(one.measure, []).append(one)
    gaps = {one.measure: one for one in found.gaps if one.column == column}
    shown = {n: row for n, row in by_measure.items() if max(abs(one.value or 0.0) for one in row) >= _SHOWN}
    if brief:
        shown = {n: row for n, row in shown.items() if (gap := gaps.get(n)) and gap.gap.value >= _FAR}
    return [[name, *(_number(name, one.value) for one in row), *_size(gaps.get(name))] for name, row in shown.items()]


def _size(one: Largest | None) -> tuple[str, str]:
    if one is None:
        return "–", "–"
    gap, name = one.gap, one.measure
    return f"{_number(name, gap.value)} {_interval(name, gap.low, gap.high)}", _chance(one.adjusted)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(map(_safe, head))} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(_safe, row))} |" for row in rows)])


def _safe(cell: str) -> str:
    return printable(cell).replace("|", "\\|")


def reading(found: Audit, brief: bool = False) -> list[str]:
    """Return what can be said, as sentences; never that there is no difference."""
    faces = found.faces
    lines = [
        f"{len(faces)} pictures of {faces.persons} people; a face was found in "
        f"{int(faces.found.sum())}. Answers count from a confidence of {found.least:g} on, where figures say so."
    ]
    if faces.further:
        lines.append(f"{faces.further} further faces are left out: the largest of a picture counts.")
    for family, count in found.tests.items():
        lines.append(_said(found, family, count, (0 if family == SCORES else 4) if brief else _NAMED))
    lines += [*_detectable(found), *_few(found)]
    last = "No row says that the model treats groups alike: what was not found may be smaller than can be found."
    return [*lines, last]


def _said(found: Audit, family: str, count: int, most: int) -> str:
    named = [one for one in found.figures if one.family == family and one.verdict == DIFFERS]
    named.sort(key=lambda one: (is_plain(one.measure), -abs(one.difference or 0.0)))
    if not count:
        return f"Nothing could be tested of {family}."
    told = "; ".join(f"{_safe(one.group)}, {one.measure} {_change(one)}" for one in named[:most])
    more = f"; and {len(named) - most} more" if len(named) > most else ""
    what = f"{len(named)} {'differs' if len(named) == 1 else 'differ'}" if named else "none differs"
    tail = f": {told}{more}" if named and most else ""
    return f"Of {count} differences tested ({family}), {what} after adjusting (Benjamini and Hochberg, 5 %){tail}."


def _change(one: Figure) -> str:
    unit = "" if is_plain(one.measure) else " points"
    interval = _interval(one.measure, one.difference_low, one.difference_high, True)
    return f"{_number(one.measure, one.difference, True)}{unit} {interval}".strip()


def _detectable(found: Audit) -> list[str]:
    """Say, of the error or else of faces that are missed, how small a difference would have been found."""
    lines = []
    for column in found.about:
        rows = [one for one in found.of(column, DOING) if one.measure == ERROR and one.detectable is not None]
        if rows:
            sizes = {_safe(one.group): f"{100 * (one.detectable or 0):.0f} points" for one in rows}
            alike = len(set(sizes.values())) == 1
            parts = next(iter(sizes.values())) if alike else ", ".join(f"{n} ({group})" for group, n in sizes.items())
            lines.append(f"By {_safe(column)}, a difference in error is found in four of five cases from {parts} on.")
    tests = sum(found.tests.values())
    if lines and tests > 1:
        factor = reach(tests) / reach()
        lines[-1] += f" A single difference among all {tests} tests must be {factor:.1f} times as large."
    return lines


def _few(found: Audit) -> list[str]:
    named = [
        f"{_safe(group)} ({about['people']})"
        for column in found.about.values()
        for group, about in column.items()
        if about["people"] < ENOUGH
    ]
    return [f"Of groups with fewer than {ENOUGH} people nothing is said: {', '.join(named)}."] if named else []
