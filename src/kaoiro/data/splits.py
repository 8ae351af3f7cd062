"""Splits that keep what belongs together on one side: identical images, the pictures of a person, of a film."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np

from kaoiro.core.errors import DataError

Part = Literal["development", "report"]


def stratified_holdout(keys: np.ndarray, labels: np.ndarray, share: float = 0.1, seed: int = 0) -> np.ndarray:
    """Choose a stratified hold-out in which images with equal keys stay together.

    Args:
        keys: (N,) digests; equal keys are never divided between the sides.
        labels: (N,) classes; each class gives about `share` of its images. A group with conflicting
            labels counts for the label of its first image.
        share: part held out, 0–1.
        seed: of the shuffle.

    Returns:
        (N,) bool, True for held-out images.
    """
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    sizes = np.bincount(group)
    group_label = np.asarray(labels)[first]
    chosen = np.zeros(len(sizes), bool)
    rng = np.random.default_rng(seed)
    for label in np.unique(group_label):
        members = rng.permutation(np.flatnonzero(group_label == label))
        before = np.cumsum(sizes[members]) - sizes[members]
        chosen[members[before < share * sizes[members].sum()]] = True
    return chosen[group]


def stratified_folds(keys: np.ndarray, labels: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Divide rows into folds in which images with equal keys stay together, each class evenly.

    Args:
        keys: (N,) digests; equal keys are never divided between folds.
        labels: (N,) classes. A group with conflicting labels counts for the label of its first image.
        count: of folds.
        seed: of the shuffle.

    Returns:
        (N,) int64, the fold of each row, from 0.
    """
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    group_label = np.asarray(labels)[first]
    place, rng = np.zeros(len(first), np.int64), np.random.default_rng(seed)
    for label in np.unique(group_label):
        members = rng.permutation(np.flatnonzero(group_label == label))
        place[members] = (rng.integers(count) + np.arange(len(members))) % count
    return place[group.ravel()]


def holdout(keys: np.ndarray, share: float = 0.1, seed: int = 0) -> np.ndarray:
    """Choose a hold-out as `stratified_holdout` does, without knowing any label.

    Args:
        keys: (N,) digests; equal keys are never divided between the sides.
        share: part held out, 0-1.
        seed: of the shuffle.

    Returns:
        (N,) bool, True for held-out images.
    """
    return stratified_holdout(keys, np.zeros(len(keys), np.int64), share, seed)


def part_of(subject: str) -> Part:
    """Return the part to which a person of a set without splits belongs: choices are made on one, figures on the other.

    By the first byte of SHA-256 over the name, so that it never changes and needs no list.
    """
    return "development" if hashlib.sha256(subject.encode()).digest()[0] < 128 else "report"


def apart(groups: np.ndarray, labels: np.ndarray, shares: Sequence[float], seed: int = 0) -> np.ndarray:
    """Divide rows into parts, each group on one side and each class as near to the shares as that allows.

    The largest group is placed first, then the next, each where its classes are lacking most; groups of one size come
    in random order. Every part gets a group.

    Args:
        groups: (N,) names; equal ones are never divided.
        labels: (N,) classes; a group may have several.
        shares: of each class that the parts shall have; they sum to 1.
        seed: of the order.

    Returns:
        (N,) int64, the part of each row, from 0.

    Raises:
        DataError: there are fewer groups than parts.
    """
    names, group = np.unique(groups, return_inverse=True)
    classes, label = np.unique(labels, return_inverse=True)
    if len(names) < len(shares):
        raise DataError(f"{len(shares)} parts of {len(names)} person(s), film(s) or picture(s) cannot be")
    sizes = np.bincount(group)
    order = np.lexsort((np.random.default_rng(seed).permutation(len(names)), -sizes))
    place = _placed(order, _weights(group.ravel(), label.ravel()), len(classes), shares)
    return place[group.ravel()]


def _weights(group: np.ndarray, label: np.ndarray) -> list[list[tuple[int, float]]]:
    """Return for each group its classes, and which share of all rows of a class it has."""
    cells, counts = np.unique(np.stack([group, label]), axis=1, return_counts=True)
    shares = counts / np.bincount(label)[cells[1]]
    found: list[list[tuple[int, float]]] = [[] for _ in range(int(group.max()) + 1)]
    for one, name, share in zip(*cells.tolist(), shares.tolist(), strict=True):
        found[one].append((name, share))
    return found


def _placed(
    order: np.ndarray, weights: list[list[tuple[int, float]]], classes: int, shares: Sequence[float]
) -> np.ndarray:
    lacking, empty = [[share] * classes for share in shares], set(range(len(shares)))
    place = np.empty(len(order), np.int64)
    for number, one in enumerate(order.tolist()):
        choice = sorted(empty) if len(empty) >= len(order) - number else range(len(shares))
        best = max(choice, key=lambda part: sum(lacking[part][name] * share for name, share in weights[one]))
        place[one] = best
        empty.discard(best)
        for name, share in weights[one]:
            lacking[best][name] -= share
    return place


def joined(count: int, *links: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the group of each of `count` rows (N,) when linked rows belong together, by their lowest row.

    Args:
        count: N.
        links: pairs of (P,) rows.
    """
    group = np.arange(count)
    while True:
        before = group.copy()
        for one, other in links:
            lowest = np.minimum(group[one], group[other])
            np.minimum.at(group, one, lowest)
            np.minimum.at(group, other, lowest)
        group = group[group]
        if (group == before).all():
            return group


def alike(names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return links of rows with equal names to the first of them; empty names link nothing."""
    _, first, index = np.unique(names, return_index=True, return_inverse=True)
    rows = np.flatnonzero(names != "")
    return rows, first[index.ravel()][rows]
