"""Which steps of the models to measure or to look at: chosen by name or by glob."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

import numpy as np
import xarray as xr

from jaxsim.study.globs import Globs


def choose_steps(
    steps: Mapping[str, Sequence[str]], wanted: Globs | None = None, dropped: Globs | None = None
) -> dict[str, tuple[str, ...]]:
    """The steps that remain of every model.

    A glob (`*`, `?`, `[abc]`) or a plain name stands for the steps "step" of every model that it matches, and for
    "model/step". In a mapping it stands for the steps of its model alone; models that the mapping leaves out keep all
    of theirs.

    Args:
        steps: Model -> names of its steps, in order.
        wanted: Steps to keep; None keeps all.
        dropped: Steps to leave out of these.

    Returns:
        Model -> the steps that remain, in order; none for a model of which nothing was chosen.

    Raises:
        ValueError: If a glob matches no step, with the names nearest to it; if a mapping names a model that is not
            there; if nothing remains at all.

    Example:
        >>> steps = {"vit": ["embeddings", "block00", "norm"], "cnn": ["stem", "block00"]}
        >>> choose_steps(steps, dropped=("embeddings", "cnn/stem"))
        {'vit': ('block00', 'norm'), 'cnn': ('block00',)}
        >>> choose_steps(steps, {"vit": ("block*",)})
        {'vit': ('block00',), 'cnn': ('stem', 'block00')}
    """
    chosen: dict[str, tuple[str, ...]] = {}
    kept = None if wanted is None else _matched(steps, wanted, "steps")
    away = set() if dropped is None else _matched(steps, dropped, "drop_steps")
    if kept is not None and isinstance(wanted, dict):
        kept |= {(model, step) for model in steps if model not in wanted for step in steps[model]}
    for model, names in steps.items():
        chosen[model] = tuple(
            step for step in names if (kept is None or (model, step) in kept) and (model, step) not in away
        )
    if not any(chosen.values()):
        raise ValueError(
            "expected steps and drop_steps to leave at least one step, but none remains; choose fewer away"
        )
    return chosen


def choose_of_every_model(
    steps: Mapping[str, Sequence[str]], wanted: Globs | None, dropped: Globs | None
) -> dict[str, tuple[str, ...]]:
    """As `choose_steps`, for models that are going to be run: of each some step must remain.

    Raises:
        ValueError: As `choose_steps`, and if a model is left without steps.

    Example:
        >>> choose_of_every_model({"vit": ["a"], "cnn": ["b"]}, ("a",), None)
        Traceback (most recent call last):
        ...
        ValueError: steps and drop_steps leave no step of 'cnn' (it has: b); choose one of them or leave the model out
    """
    chosen = choose_steps(steps, wanted, dropped)
    empty = next((model for model, names in chosen.items() if not names), None)
    if empty is not None:
        raise ValueError(
            f"steps and drop_steps leave no step of {empty!r} (it has: {_listed(steps[empty])}); choose one of them or "
            "leave the model out"
        )
    return chosen


def with_steps(dataset: xr.Dataset, labels: Sequence[str]) -> xr.Dataset:
    """A dataset of a study with the given steps alone, along whichever of `source`, `target` and `step` it has.

    Args:
        dataset: With "model/step" as coordinates of these dims.
        labels: Steps to keep; those that are not there are passed over.

    Example:
        >>> x = xr.Dataset({"v": ("step", [1, 2])}, coords={"step": ["vit/a", "vit/b"]})
        >>> with_steps(x, ["vit/b"]).v.values.tolist()
        [2]
    """
    for dim in ("source", "target", "step"):
        if dim in dataset.dims:
            dataset = dataset.isel({dim: np.flatnonzero(np.isin(dataset[dim].values.astype(str), list(labels)))})
    return dataset


def _matched(steps: Mapping[str, Sequence[str]], globs: Globs, option: str) -> set[tuple[str, str]]:
    """The steps, as (model, step), that any of the globs stands for."""
    if isinstance(globs, tuple):
        pairs = [(glob, steps) for glob in globs]
    else:
        odd = next((model for model in globs if model not in steps), None)
        if odd is not None:
            raise ValueError(f"expected {option} to name models of the comparison ({', '.join(steps)}), got {odd!r}")
        pairs = [(glob, {model: steps[model]}) for model, own in globs.items() for glob in own]
    found: set[tuple[str, str]] = set()
    for glob, among in pairs:
        hits = {(model, step) for model, names in among.items() for step in names if _stands_for(glob, model, step)}
        if not hits:
            raise ValueError(f"expected {option} to match steps, but {glob!r} matches none; {_near(glob, among)}")
        found |= hits
    return found


def _stands_for(glob: str, model: str, step: str) -> bool:
    # A name may hold brackets, which mean something else in a glob.
    names = (step, f"{model}/{step}")
    return glob in names or any(fnmatchcase(name, glob) for name in names)


def _near(glob: str, among: Mapping[str, Sequence[str]]) -> str:
    """The steps whose names look most like the glob, or the first ones."""
    names = list(dict.fromkeys(step for own in among.values() for step in own))
    names += [f"{model}/{step}" for model, own in among.items() for step in own]
    near = get_close_matches(re.sub(r"[*?\[\]]", "", glob), names, n=3, cutoff=0.5)
    return f"nearest are: {', '.join(near)}" if near else f"there are: {_listed(names)}"


def _listed(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
