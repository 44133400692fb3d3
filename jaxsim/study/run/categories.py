"""Labels of the images that a user brings: categories, aligned with the samples of a study."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from jaxsim.metrics.labels import label_codes


@dataclass(frozen=True)
class Categories:
    """Labels of the samples of a study.

    Attributes:
        codes: Name -> class of every sample `[n_samples]`.
        classes: Name -> the classes, in sorted order.
    """

    codes: dict[str, Int[np.ndarray, " n_samples"]]
    classes: dict[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the labels, in the order given."""
        return tuple(self.codes)

    @property
    def key(self) -> list[Any]:
        """JSON-able, changes whenever a label does."""
        return [
            [name, list(self.classes[name]), hashlib.sha256(codes.tobytes()).hexdigest()]
            for name, codes in self.codes.items()
        ]

    def codes_of(self, rows: Int[np.ndarray, " n_chosen"]) -> dict[str, Int[np.ndarray, " n_chosen"]]:
        """The classes of some of the samples, whichever they are."""
        return {name: codes[rows] for name, codes in self.codes.items()}

    def select(self, rows: Int[np.ndarray, " n_kept"]) -> Categories:
        """The labels of some of the samples.

        Raises:
            ValueError: If these are all of one class, or all of different classes.
        """
        given = {name: np.array(self.classes[name], dtype=object)[codes[rows]] for name, codes in self.codes.items()}
        return _coded(given, None)


def check_categories(given: Any, source_ids: Sequence[str] = ()) -> None:
    """Refuses what can be known to be wrong before any work is done.

    Args:
        given: The user's labels, None for none.
        source_ids: Ids of the images; none where they are not known yet.

    Raises:
        ValueError: If they are no mapping, a name is no text, or labels in the order of the images are missing, no
            strings or integers, all the same or all different.
    """
    if given is None:
        return
    if not isinstance(given, Mapping):
        raise ValueError(
            "expected labels as a mapping from a name to one label for each image, such as "
            f"labels={{'class': [...]}}, got a {type(given).__name__}"
        )
    for name, value in given.items():
        if not isinstance(name, str) or not name or "/" in name:
            raise ValueError(f"expected the name of labels to be a text without '/', got {name!r}; rename them")
        if not isinstance(value, Mapping):
            same = len(source_ids) == (len(value) if hasattr(value, "__len__") else -1)
            label_codes(value, name=name, ids=source_ids if same else None)


def open_categories(given: Any, *, ids: Sequence[str], source_ids: Sequence[str]) -> Categories | None:
    """The labels of a study, aligned with its samples.

    Args:
        given: Name -> one label for each sample of the study, or for each that it was drawn from; or name -> mapping
            from sample id to label.
        ids: The samples of the study.
        source_ids: The samples it was drawn from, before a subset was drawn and damaged images were left out.

    Returns:
        The labels, None if there are none.

    Raises:
        ValueError: For another number of labels; a sample without one, which is named; labels that are no strings or
            integers; a single class, or only classes of one sample.

    Example:
        >>> labels = {"class": ["dog", "cat", "dog", "cat"]}
        >>> open_categories(labels, ids=["a", "c", "d"], source_ids=["a", "b", "c", "d"]).codes["class"].tolist()
        [1, 1, 0]
    """
    if not given:
        return None
    return _coded({name: _aligned(name, value, ids, source_ids) for name, value in given.items()}, ids)


def _aligned(name: str, value: Any, ids: Sequence[str], source_ids: Sequence[str]) -> list[Any]:
    if isinstance(value, Mapping):
        missing = next((each for each in ids if each not in value), None)
        if missing is not None:
            raise ValueError(
                f"expected a label for every sample in {name!r}, but {missing!r} has none; give a mapping from every "
                "sample id to its label"
            )
        return [value[each] for each in ids]
    labels = list(value)
    if len(labels) == len(ids):
        return labels
    if len(labels) == len(source_ids):
        place = {each: i for i, each in enumerate(source_ids)}
        return [labels[place[each]] for each in ids]
    there = f"{len(ids)} samples of the study" + (
        f" or the {len(source_ids)} it was drawn from" if len(source_ids) != len(ids) else ""
    )
    raise ValueError(
        f"expected one label in {name!r} for each of the {there}, got {len(labels)}; a mapping from sample id to label "
        "aligns by itself"
    )


def _coded(given: Mapping[str, Any], ids: Sequence[str] | None) -> Categories:
    found = {name: label_codes(value, name=name, ids=ids) for name, value in given.items()}
    return Categories(
        {name: codes for name, (codes, _) in found.items()}, {n: classes for n, (_, classes) in found.items()}
    )
