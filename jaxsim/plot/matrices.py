"""Heat maps of a study."""

from __future__ import annotations

from typing import Any, Unpack

from matplotlib.axes import Axes

from jaxsim.plot import figures
from jaxsim.plot.arguments import check_colours, check_model, checked
from jaxsim.plot.look import Look, fitted, looked
from jaxsim.study import Study


@checked
def imbalance_heatmap(
    study: Study,
    source: str | None = None,
    target: str | None = None,
    *,
    k: int | None = None,
    cmap: Any = None,
    ax: Axes | None = None,
    **look: Unpack[Look],
) -> Axes:
    """Delta between all steps of all models, or between the steps of two.

    Args:
        study: The study.
        source: Name of the model on the rows; None draws all models.
        target: Name of the model on the columns; None takes the source itself.
        k: Number of neighbours, one of the study's. Default: its first.
        cmap: Colours of the cells, a colormap of matplotlib or its name. Default: the report's, dark meaning alike.
        ax: Where to draw. Default: the axes of a new figure.
        **look: `models`, `labels`, `colors`, `width`, as in `Look`.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such model or k, a target came without a source, or there are no such colours.

    Example:
        >>> from jaxsim.plot.arguments import example_study
        >>> imbalance_heatmap(example_study()).get_xlabel()
        'to'
        >>> imbalance_heatmap(example_study(), "vit", "resnet").get_ylabel()
        'from vit'
    """
    study, _ = looked(study, look)
    check_colours(cmap)
    for model in (source, target):
        check_model(model)
    if source is None:
        if target is not None:
            raise ValueError(f"Expected a source for the target {target!r}. Give both, or neither for all models.")
        return fitted(figures.overview(study.results, k=k, cmap=cmap, ax=ax), ax, look)
    return fitted(
        figures.heatmap(study.results, source, source if target is None else target, k=k, cmap=cmap, ax=ax), ax, look
    )
