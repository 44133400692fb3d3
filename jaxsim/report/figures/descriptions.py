"""Measures of every step by itself, along the depth of every model."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxsim.report.errors import errors_of
from jaxsim.report.figures.canvas import (
    axes_or_new,
    band,
    control_line,
    grid_of_axes,
    marker_size,
    name_axes,
    style_axes,
    title_axes,
)
from jaxsim.report.figures.palette import ModelStyle, styles_for
from jaxsim.report.figures.smoothness import legend_of_models
from jaxsim.report.schema import at_k


def described_names(descriptions: xr.Dataset) -> list[str]:
    """The measures that a dataset holds.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> from jaxsim.study.constructed import constructed_descriptions
        >>> described_names(constructed_descriptions(constructed_study()[0]))
        ['intrinsic_dimension', 'matrix_entropy']
    """
    return [str(name) for name in descriptions.data_vars if not str(name).endswith("_sampling_error")]


def description(
    descriptions: xr.Dataset,
    name: str,
    *,
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    control: xr.Dataset | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A measure of every step against relative depth, a line per model; bands are two sampling errors.

    Steps that are the same for all images are left out.

    Args:
        descriptions: Of a study.
        name: Of the measure.
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.
        control: The same dataset of random weights, drawn as thin lines.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such measure or k.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> from jaxsim.study.constructed import constructed_descriptions
        >>> made = constructed_descriptions(constructed_study()[0])
        >>> description(made, "matrix_entropy").get_title(loc="left")
        'matrix entropy'
    """
    if name not in described_names(descriptions):
        raise ValueError(f"Expected one of {', '.join(map(repr, described_names(descriptions)))}, but {name!r} came.")
    chosen = at_k(descriptions, k)
    owners = chosen["model"].values.astype(str)
    names = list(dict.fromkeys(owners.tolist()))
    looks = styles_for(names, styles)
    ax = axes_or_new(ax, 6.4, 3.3)
    style_axes(ax)
    handles = []
    for model in names:
        style, own = looks[model], owners == model
        depth, value = chosen["depth"].values[own], chosen[name].values[own]
        band(ax, depth, value, errors_of(chosen, name)[own], style.colour)
        handles += ax.plot(
            depth,
            value,
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            markersize=marker_size(int(own.sum())),
            linewidth=1.5,
        )
    if control is not None and name in control:
        beside = at_k(control, k)
        for model in names:
            own = beside["model"].values.astype(str) == model
            control_line(
                ax, beside["depth"].values[own], beside[name].values[own], looks[model].colour, looks[model].line
            )
    ax.set_xlim(-0.02, 1.02)
    if np.nanmin(chosen[name].values, initial=np.inf) >= 0:
        ax.set_ylim(bottom=0)
    name_axes(ax, "relative depth", str(descriptions[name].attrs.get("units", "")))
    title_axes(ax, str(descriptions[name].attrs.get("long_name", name)), width=44)
    if len(names) > 1:
        legend_of_models(ax, handles, names)
    return ax


def description_panels(
    descriptions: xr.Dataset,
    *,
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    control: xr.Dataset | None = None,
) -> list[Axes]:
    """One panel for every measure; arguments and errors as for `description`.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> from jaxsim.study.constructed import constructed_descriptions
        >>> len(description_panels(constructed_descriptions(constructed_study()[0])))
        2
    """
    names = described_names(descriptions)
    if len(names) == 1:
        ax = axes_or_new(None, 9.6, 3.3)
        return [description(descriptions, names[0], k=k, styles=styles, control=control, ax=ax)]
    _, panels = grid_of_axes(len(names), columns=2, width=4.8, height=2.9, shared=False)
    for place, (ax, name) in enumerate(zip(panels, names, strict=True)):
        description(descriptions, name, k=k, styles=styles, control=control, ax=ax)
        legend = ax.get_legend()
        if legend is not None and place != 1:
            legend.remove()
    return panels
