"""Heat maps of a study."""

from __future__ import annotations

from matplotlib.axes import Axes

from jaxsim.plot import figures
from jaxsim.plot.arguments import check_model, checked
from jaxsim.study import Study


@checked
def imbalance_heatmap(
    study: Study,
    source: str | None = None,
    target: str | None = None,
    *,
    k: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Delta between all steps of all models, or between the steps of two.

    Args:
        study: The study.
        source: Name of the model on the rows; None draws all models.
        target: Name of the model on the columns; None takes the source itself.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such model or k, or a target came without a source.

    Example:
        >>> from jaxsim.plot.arguments import example_study
        >>> imbalance_heatmap(example_study()).get_xlabel()
        'to'
        >>> imbalance_heatmap(example_study(), "vit", "resnet").get_ylabel()
        'from vit'
    """
    for model in (source, target):
        check_model(model)
    if source is None:
        if target is not None:
            raise ValueError(f"Expected a source for the target {target!r}. Give both, or neither for all models.")
        return figures.overview(study.results, k=k, ax=ax)
    return figures.heatmap(study.results, source, source if target is None else target, k=k, ax=ax)
