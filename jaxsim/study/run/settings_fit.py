"""Whether settings fit the models and samples of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from jaxsim.study.run.settings import Settings


def check_models_named(settings: Settings, names: Sequence[str]) -> None:
    """Refuses pooling or sizes of models that are not compared.

    Args:
        settings: The settings.
        names: Of the models.

    Raises:
        ValueError: Names one.

    Example:
        >>> check_models_named(Settings(pool={"vi": "cls"}), ("vit", "cnn"))
        Traceback (most recent call last):
        ...
        ValueError: expected pool to name models of the comparison (vit, cnn), got 'vi'
    """
    for option_name in ("pool", "image_size"):
        value = getattr(settings, option_name)
        odd = next((name for name in value if name not in (*names, "*")), None) if isinstance(value, dict) else None
        if odd is not None:
            raise ValueError(
                f"expected {option_name} to name models of the comparison ({', '.join(names)}), got {odd!r}"
            )


def check_sample_count(n: int, settings: Settings) -> None:
    """Refuses settings that need more samples than there are.

    Args:
        n: Number of samples all models share.
        settings: The settings.

    Raises:
        ValueError: If there are fewer than k + 2 samples, or fewer than queries.
    """
    k = max(settings.k)
    if n < k + 2:
        raise ValueError(
            f"expected at least k + 2 = {k + 2} samples for k={k}, got {n}; give more samples or a smaller k"
        )
    for each in (*settings.measures, *settings.describe):
        if n < each.least_samples:
            raise ValueError(
                f"expected at least {each.least_samples} samples for {each.name!r}, got {n}; give more samples or "
                "leave the measure out"
            )
    if settings.n_queries is not None and settings.n_queries > n:
        raise ValueError(f"expected n_queries of at most the {n} samples, got {settings.n_queries}; lower or omit it")
