"""A Google-style checkpoint as flat names and arrays, and where in it the parameters of the image model lie."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

# Where training states keep the parameters, and below them the image tower of a two-tower model. Optimizer
# states repeat every parameter's name under other roots, so a root is compared from the start of the name.
ROOTS = ("params/", "optimizer/target/params/", "optimizer/target/", "opt/target/params/", "opt/target/", "")
TOWERS = ("", "params/", "img/", "visual/")
STATISTICS = ("model_state/batch_stats/", "batch_stats/")


@dataclasses.dataclass(frozen=True)
class Tree:
    """A checkpoint's arrays by name.

    Attributes:
        where: what to call it in messages.
        format: `"npz"`, `"msgpack"` or `"orbax"`.
        shapes: shape of each array; names are joined by `/`, places in a list are numbers.
        read: returns an array by name (bfloat16 as ml_dtypes' type).
    """

    where: str
    format: str
    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str], np.ndarray]

    def below(self, root: str, statistics: str | None) -> Tree:
        """Returns the arrays under a root, named from there; batch statistics as `batch_stats/...`."""
        origin = {name.removeprefix(root): name for name in self.shapes if name.startswith(root)}
        if statistics is not None:
            names = [name for name in self.shapes if name.startswith(statistics)]
            origin |= {f"batch_stats/{name.removeprefix(statistics)}": name for name in names}
        shapes = {short: self.shapes[name] for short, name in origin.items()}
        return Tree(self.where, self.format, shapes, lambda short: self.read(origin[short]))


def candidates(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """Yields every (root, tree below it) where the parameters of an image model may lie."""
    for root in ROOTS:
        for tower in TOWERS:
            full = root + tower
            if any(name.startswith(full) for name in tree.shapes):
                yield full, tree.below(full, _statistics(tree, tower))


def _statistics(tree: Tree, tower: str) -> str | None:
    places = [place + tower for place in STATISTICS]
    return next((place for place in places if any(name.startswith(place) for name in tree.shapes)), None)


def flatten(nested: Any, prefix: str = "") -> dict[str, Any]:
    """Returns the leaves of nested dicts and lists by name; a list gives the names that a dict of numbers would.

    Example:
        >>> flatten({"a": [1, {"b": 2}], "c": {"0": 3}, "empty": {}})
        {'a/0': 1, 'a/1/b': 2, 'c/0': 3}
    """
    if isinstance(nested, Mapping):
        items = [(str(key), value) for key, value in nested.items()]
    elif isinstance(nested, Sequence) and not isinstance(nested, str | bytes):
        items = [(str(index), value) for index, value in enumerate(nested)]
    else:
        return {} if nested is None else {prefix.removesuffix("/"): nested}
    return {name: leaf for key, value in items for name, leaf in flatten(value, f"{prefix}{key}/").items()}
