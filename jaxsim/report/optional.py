"""The datasets that only some studies have, checked once: spaces, labels, findings, single steps, measures, paths."""

import numpy as np
import xarray as xr

from jaxsim.report.effects import kinds_of
from jaxsim.report.schema import checked_dataset

INFORMATION_VARIABLES = (
    *("forward", "backward", "forward_se", "backward_se", "model", "step_name", "depth", "constant", "floor"),
)
LABEL_VARIABLES = (
    *("overlap", "standard_error", "chance", "ceiling", "n_classes", "model", "step_name", "depth", "label"),
)
DESCRIPTION_VARIABLES = ("model", "step_name", "depth")
PATH_VARIABLES = ("place", "explained", "negative", "linkage", "model", "step_name")
PLANE_VARIABLES = ("forward", "backward", "forward_se", "backward_se", "model_a", "model_b", "depth_a", "depth_b")
VERDICT_VARIABLES = (
    *("verdict", "answer", "against_control", "role", "question", "claim", "n", "a", "b", "space"),
    *("value", "low", "high", "p_corrected", "control"),
)
MEASURE_VARIABLES = (
    *("rank_correlation", "rank", "rank_a", "rank_b", "source_step", "target_step", "title", "first", "second"),
)
FINDING_VARIABLES = (
    *("value", "low", "high", "p_corrected", "control", "control_low", "control_high"),
    *("beyond_low", "beyond_high", "shuffled", "shuffled_low", "shuffled_high", "by_size", "sign_changes"),
    *("kind", "a", "b", "space", "note", "size"),
)
FINDING_ATTRIBUTES = ("n_splits", "n_groups", "n_samples", "seed", "level", "degrees_of_freedom")
#: Half of the images and all of them, and a quarter where those were measured.
N_SIZES = (2, 3)


def checked_information(information: xr.Dataset | None) -> xr.Dataset | None:
    """What the steps know of other spaces, or None where it was not measured.

    Raises:
        ValueError: A variable is missing.
    """
    return checked_dataset(information, "information", INFORMATION_VARIABLES)


def checked_labels(labels: xr.Dataset | None) -> xr.Dataset | None:
    """The label overlap, or None without labels.

    Raises:
        ValueError: A variable is missing.
    """
    return checked_dataset(labels, "labels", LABEL_VARIABLES)


def checked_findings(findings: xr.Dataset | None) -> xr.Dataset | None:
    """The findings, or None where no intervals were asked for.

    Raises:
        ValueError: A variable or an attribute is missing, a kind is not known, there are other than two or three
            sizes, or a value lies outside its own interval.
    """
    checked = checked_dataset(findings, "findings", FINDING_VARIABLES)
    if checked is None:
        return None
    missing = [name for name in FINDING_ATTRIBUTES if name not in checked.attrs]
    if missing:
        raise ValueError(
            f"Expected the findings to carry the attributes {', '.join(FINDING_ATTRIBUTES)}, but "
            f"{', '.join(missing)} is missing. Pass the findings of a `jaxsim` study unchanged."
        )
    kinds_of(checked)
    if checked.sizes["size"] not in N_SIZES:
        raise ValueError(
            f"Expected effects at N/2 and N, or at N/4, N/2 and N, in `by_size`, but {checked.sizes['size']} sizes "
            "came. Pass the findings of a `jaxsim` study unchanged."
        )
    value, slack = checked["value"].values, 1e-9
    outside = (value < checked["low"].values - slack) | (value > checked["high"].values + slack)
    if outside.any():
        name = str(checked["finding"].values[np.argwhere(outside)[0, -1]])
        raise ValueError(
            f"Expected every value inside its own interval, but that of {name!r} lies outside. An interval of another "
            "number of samples says nothing about the value: measure both on all samples."
        )
    return checked


def described_names(descriptions: xr.Dataset) -> list[str]:
    """The measures of single steps that a dataset holds.

    Example:
        >>> from jaxsim.study.constructed import constructed_descriptions, constructed_study
        >>> described_names(constructed_descriptions(constructed_study()[0]))
        ['intrinsic_dimension', 'matrix_entropy']
    """
    return [str(name) for name in descriptions.data_vars if not str(name).endswith("_sampling_error")]
