"""What every figure of a study takes: the study, a number of neighbours, axes; and the colours of its models."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap

from jaxsim.arguments import as_count, shown
from jaxsim.study import Study

_Further = ParamSpec("_Further")


def checked(draw: Callable[Concatenate[Study, _Further], Axes]) -> Callable[Concatenate[Study, _Further], Axes]:
    """The function, which refuses first what is no study, number of neighbours or axes."""

    @functools.wraps(draw)
    def wrapped(study: Study, *args: _Further.args, **options: _Further.kwargs) -> Axes:
        if not isinstance(study, Study):
            raise ValueError(f"Expected a Study, as compare returns it or Study.load reads it, got {shown(study)}.")
        k, ax = options.get("k"), options.get("ax")
        if k is not None and as_count(k) is None:
            raise ValueError(f"Expected k as one of the study's numbers of neighbours, got {shown(k)}.")
        if ax is not None and not isinstance(ax, Axes):
            raise ValueError(f"Expected ax as axes of matplotlib, got {shown(ax)}. Leave it out for a new figure.")
        return draw(study, *args, **options)

    return wrapped


def with_intervals(study: Study) -> xr.Dataset:
    """The findings of a study that has some."""
    found = study.all_findings
    if found is None:
        raise ValueError("Expected a study with intervals, but it has none. Run compare with 64 samples or more.")
    return found


def check_model(model: Any) -> None:
    """Refuses what cannot be the name of a model."""
    if model is not None and not isinstance(model, str):
        raise ValueError(f"Expected a model by its name in the study, got {shown(model)}.")


def check_colours(cmap: Any) -> None:
    """Refuses what is no colormap, nor the name of one."""
    if cmap is not None and not isinstance(cmap, Colormap) and not (isinstance(cmap, str) and cmap in colormaps):
        raise ValueError(f"Expected cmap as a colormap or its name, such as 'viridis', got {shown(cmap)}.")


def one_model(study: Study, model: str | None) -> str:
    """The model, or the first of a study that has pairs."""
    check_model(model)
    if study.between.sizes.get("pair", 0) == 0:
        raise ValueError("Expected a study of at least two models, but it has one. Compare it with another.")
    return str(study.imbalance["source_model"].values[0]) if model is None else model


def example_study() -> Study:
    """A study of two models of two steps, for the examples."""
    import numpy as np

    from jaxsim.study import StepLabel, label_imbalance

    labels = [StepLabel(model, step, depth) for model in ("vit", "resnet") for step, depth in (("a", 0.0), ("b", 1.0))]
    depth = np.array([label.depth for label in labels])
    values = 0.1 + 0.5 * np.abs(depth[:, None] - depth[None])
    return Study.from_results(label_imbalance(values, labels, standard_error=np.full((4, 4), 0.01), n_samples=100))
