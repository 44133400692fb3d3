"""Which steps of the models to measure or to look at: chosen by name or by glob."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import xarray as xr

from jaxsim.arguments import neighbour_counts, shown
from jaxsim.files import parse_json
from jaxsim.study.globs import Globs, checked_globs


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


def choose_models(models: Iterable[str], wanted: Any) -> tuple[str, ...]:
    """The models that names or globs stand for, in their order.

    Args:
        models: Those there are.
        wanted: A name or glob, or several; None for all.

    Raises:
        ValueError: If one matches no model.

    Example:
        >>> choose_models(["vit_small", "vit_base", "cnn"], "vit*")
        ('vit_small', 'vit_base')
    """
    names = list(models)
    if wanted is None:
        return tuple(names)
    globs = checked_globs("models", wanted)
    if not isinstance(globs, tuple):
        raise ValueError(f"expected models as a name, a glob such as 'vit*', or several of them, got {shown(wanted)}")
    for glob in globs:
        if not any(name == glob or fnmatchcase(name, glob) for name in names):
            near = get_close_matches(glob, names, n=3, cutoff=0.5)
            told = f"nearest are: {', '.join(near)}" if near else f"there are: {', '.join(names)}"
            raise ValueError(f"expected models to match models of the study, but {glob!r} matches none; {told}")
    return tuple(name for name in names if any(name == glob or fnmatchcase(name, glob) for glob in globs))


def choose_depths(results: xr.Dataset, wanted: Any) -> set[str]:
    """The steps, as "model/step", whose relative depth lies in a range.

    Args:
        results: Of a study.
        wanted: First and last depth; None for all.

    Raises:
        ValueError: If it is no range from 0 to 1.
    """
    labels, depths = results["source"].values.astype(str), results["source_depth"].values
    if wanted is None:
        return set(labels.tolist())
    ends = list(wanted) if isinstance(wanted, tuple | list) else []
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in ends)
    if len(ends) != 2 or not numbers or not 0 <= ends[0] <= ends[1] <= 1:
        raise ValueError(
            f"expected depth as the first and the last relative depth, such as (0.25, 0.75), got {shown(wanted)}"
        )
    slack = 1e-9  # 0.25 of a model of twelve blocks may be 3 / 12 or 0.25
    return set(labels[(depths >= ends[0] - slack) & (depths <= ends[1] + slack)].tolist())


def choose_k(there: Iterable[Any], wanted: Any) -> list[int] | None:
    """Numbers of neighbours among those that were measured; None for None.

    Raises:
        ValueError: If one was not measured.

    Example:
        >>> choose_k([1, 10], 10)
        [10]
    """
    if wanted is None:
        return None
    known = [int(each) for each in there]
    asked = sorted(neighbour_counts(wanted))
    odd = next((each for each in asked if each not in known), None)
    if odd is not None:
        raise ValueError(f"expected k among those that were measured ({', '.join(map(str, known))}), got {odd}")
    return asked


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
    if "models" in dataset.attrs and "source_model" in dataset.coords:
        left = set(dataset["source_model"].values.astype(str).tolist())
        dataset = with_models(dataset, lambda model: model if model["name"] in left else None)
    return dataset


def with_models(
    dataset: xr.Dataset, change: Callable[[dict[str, Any]], dict[str, Any] | None], more: Sequence[dict[str, Any]] = ()
) -> xr.Dataset:
    """A dataset whose record of the models is changed, each entry for itself.

    Args:
        dataset: With the attribute `models`, a JSON list of objects with `name`.
        change: Returns the new entry; None leaves it out.
        more: Entries to add.

    Example:
        >>> x = xr.Dataset(attrs={"models": '[{"name": "vit"}]'})
        >>> with_models(x, lambda model: model | {"name": "ViT"}).attrs["models"]
        '[{"name": "ViT"}]'
    """
    entries = [new for each in parse_json(dataset.attrs["models"]) if (new := change(each)) is not None]
    entries += [each for each in more if each["name"] not in {own["name"] for own in entries}]
    attrs = dict(dataset.attrs) | {"models": json.dumps(entries)}
    if entries and all("pool" in each for each in entries):
        attrs["pool"] = told_pools({each["name"]: each["pool"] for each in entries})
    return dataset.assign_attrs(attrs)


def told_pools(pools: Mapping[str, str]) -> str:
    """The pooling of the models in words: one, or that of each.

    Example:
        >>> told_pools({"vit": "cls", "cnn": "mean"}), told_pools({"vit": "cls", "deit": "cls"})
        ('cls (vit), mean (cnn)', 'cls')
    """
    one = set(pools.values())
    return one.pop() if len(one) == 1 else ", ".join(f"{pool} ({name})" for name, pool in pools.items())


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
