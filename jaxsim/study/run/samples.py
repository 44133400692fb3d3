"""One set of samples for all models: matched by their ids, never by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxsim.sample_ids import meet
from jaxsim.wording import counted


def shared_samples(
    extracted: Mapping[str, Sequence[str]],
    given: Mapping[str, Sequence[str]],
    *,
    damaged: Mapping[str, Sequence[str]] | None = None,
    n_samples: int | None = None,
    seed: int = 0,
    intersect: bool = False,
) -> tuple[str, ...]:
    """The samples that every model of a comparison is measured on.

    Features extracted in one comparison come from one source, so their ids can differ only where an image was
    damaged for one of them: it is then left out for all. Features that were given must have the same ids, in any
    order. Only when a subset was asked for, or with `intersect`, may given features hold more samples than are shared.

    Args:
        extracted: Model name -> ids of its features, extracted from the images of this comparison.
        given: Model name -> ids of features that existed before.
        damaged: Model name -> ids that extraction left out as damaged.
        n_samples: Size of the subset asked for, None for all. Already drawn for the extracted ones.
        seed: Seed of the draw among given features when nothing is extracted.
        intersect: Whether samples that some features lack are left out; otherwise they are an error.

    Returns:
        The ids, in the order of the source.

    Raises:
        ValueError: If ids differ; names the first difference.

    Example:
        >>> shared_samples({"vit": ["a", "c"], "resnet": ["a", "b", "c"]}, {}, damaged={"vit": ["b"]})
        ('a', 'c')
    """
    damaged = damaged or {}
    if extracted:
        first = next(iter(extracted))
        broken = {each for ids in damaged.values() for each in ids}
        ids = tuple(each for each in extracted[first] if each not in broken)
        for name, others in extracted.items():
            _require_same(first, ids, name, tuple(each for each in others if each not in broken))
        for name, others in given.items():
            if n_samples is None or not set(ids) <= set(others):
                ids = meet({first: ids, name: others}, intersect=intersect).ids
        return ids
    ids = meet(given, intersect=intersect).ids
    if n_samples is None or n_samples == len(ids):
        return ids
    if n_samples > len(ids):
        raise ValueError(
            f"expected n_samples of at most the {counted(len(ids), 'sample')} of the features, got {n_samples}"
        )
    # The draw of ImageSource.subset, so that features and images give the same subset for the same seed.
    chosen = np.sort(np.random.default_rng(seed).permutation(len(ids))[:n_samples])
    return tuple(ids[i] for i in chosen)


def rows_of(ids: Sequence[str], own: Sequence[str]) -> np.ndarray | None:
    """Rows of a model's features that hold the shared samples; None when they are all of them in order.

    Args:
        ids: The shared samples.
        own: The ids of the features' rows; hold all of `ids`.

    Returns:
        Int `[n_samples]`, or None.

    Example:
        >>> rows_of(["a", "c"], ["a", "b", "c"]).tolist()
        [0, 2]
    """
    if tuple(ids) == tuple(own):
        return None
    place = {each: i for i, each in enumerate(own)}
    return np.array([place[each] for each in ids], dtype=np.int64)


def order_messages(own: Mapping[str, Sequence[str]], ids: Sequence[str], *, intersect: bool = False) -> list[str]:
    """What was put right by id, in sentences.

    Args:
        own: Model name -> ids of its features' rows.
        ids: The samples that are measured.
        intersect: Whether samples that some features lack were left out.

    Example:
        >>> order_messages({"a": ["x", "y"], "b": ["y", "x"]}, ["x", "y"])
        ["the samples of 'b' are in another order than those of the study: put right by id"]
    """
    said = []
    for name, each in own.items():
        rows = rows_of(ids, each)
        if rows is not None and (np.diff(rows) < 0).any():
            said.append(f"the samples of {name!r} are in another order than those of the study: put right by id")
    longest = max(map(len, own.values()))
    if intersect and len(ids) < longest:
        counts = ", ".join(f"{len(each)} in {name!r}" for name, each in own.items())
        said.append(f"{counted(len(ids), 'sample')} that all have are measured ({counts})")
    return said


def _require_same(first: str, ids: tuple[str, ...], name: str, others: tuple[str, ...]) -> None:
    """Refuses other ids than those of the first model."""
    if ids == others:
        return
    if set(ids) == set(others):
        at = next(i for i, (a, b) in enumerate(zip(ids, others, strict=True)) if a != b)
        what = f"sample {at} is {others[at]!r} in {name!r} and {ids[at]!r} in {first!r}"
    else:
        where, odd = (
            (first, sorted(set(ids) - set(others)))
            if set(ids) - set(others)
            else (name, sorted(set(others) - set(ids)))
        )
        what = f"{odd[0]!r} is only in {where!r}"
    raise ValueError(
        f"expected the same samples in the same order for all models, but {what} "
        f"({counted(len(others), 'sample')} in {name!r}, {len(ids)} in {first!r}); "
        "extract all features from the same images"
    )
