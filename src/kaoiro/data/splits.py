"""Splits that keep identical images on one side."""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np

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
