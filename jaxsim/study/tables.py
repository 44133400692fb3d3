"""A study as tidy tables."""

from __future__ import annotations

from typing import Any

import pandas as pd
import xarray as xr

from jaxsim.study.saved import BY_SIZE, DESCRIPTIONS, FINDINGS, INFORMATION, LABELS


def tables(study: Any) -> dict[str, pd.DataFrame]:
    """The study as tidy tables, one observation per row.

    Args:
        study: The `Study`.

    Returns:
        "imbalance", "smoothness", "smoothness_summary", "fixed_step", "between", "matches", "alignment" and "verdicts";
        and "information", "labels", "descriptions" and "findings" where they were measured.

    Example:
        >>> import numpy as np
        >>> from jaxsim.study import StepLabel, Study, label_imbalance
        >>> labels = [StepLabel("m", "a", 0.0), StepLabel("m", "b", 1.0)]
        >>> study = Study.from_results(label_imbalance(np.array([[0.1, 0.4], [0.2, 0.1]]), labels))
        >>> tables(study)["smoothness"][["k", "model", "step_from", "step_to", "forward"]].values.tolist()
        [[1, 'm', 'a', 'b', 0.4]]
    """
    results, smooth, between = study.results, study.smoothness, study.between
    summary = [name for name in smooth.data_vars if smooth[name].dims == ("k", "model_name")]
    matches = [name for name in between.data_vars if "match" in between[name].dims]
    alignment = [name for name in between.data_vars if "direction" in between[name].dims]
    distances = ["distance", "distance_se", "nearest_a", "nearest_b"]
    changes = ["forward", "backward", "mean", "forward_se", "backward_se", "mean_se"]
    further = {}
    if study.information is not None:
        directions = ["forward", "backward", "forward_se", "backward_se"]
        further[INFORMATION] = _tidy(study.information[directions], ["k", "step", "space"])
    if study.label_overlap is not None:
        further[LABELS] = _tidy(study.label_overlap, ["k", "step", "label"])
    if study.descriptions is not None:
        further[DESCRIPTIONS] = _tidy(study.descriptions, ["k", "step"])
    if study.findings is not None and study.all_findings is not None:
        further[FINDINGS] = _tidy(study.findings, ["k", "finding"])
        further[BY_SIZE] = _tidy(study.all_findings[["by_size"]], ["k", "finding", "size"])
    return {
        "imbalance": _tidy(results[["imbalance", "standard_error"]], ["k", "source", "target"]),
        "smoothness": _tidy(smooth[changes], ["k", "change"]).drop(columns="change"),
        "smoothness_summary": _tidy(smooth[summary], ["k", "model_name"]),
        "fixed_step": _tidy(smooth[["fixed_step", "fixed_step_se", "fixed_step_span"]], ["k", "model_name", "t"]),
        "between": _tidy(between[distances], ["k", "pair", "t"]),
        "matches": _tidy(between[matches], ["k", "match"]).drop(columns="match"),
        "alignment": _tidy(between[alignment], ["k", "direction"]),
        "verdicts": _tidy(study.verdicts, ["k", "claim"]),
        **further,
    }


def _tidy(dataset: xr.Dataset, dims: list[str]) -> pd.DataFrame:
    """One row per cell, labels first."""
    return dataset.to_dataframe(dim_order=dims).reset_index()
