"""Which error stands beside a number, and what it is called wherever it is shown.

There are two. The *query-row error* is the spread over the query samples, conditional on the samples that they are
compared with: new samples would move a value by more than that. The *sampling error* is what new samples would change,
from balanced half-samples; not every study has measured it. Where it is there, it is the one that is shown.
"""

import numpy as np
import xarray as xr

QUERY_ROWS = "query-row error (conditional on these reference samples)"
SAMPLING = "sampling error (what new samples would change, from balanced half-samples)"


def error_name(dataset: xr.Dataset, of: str) -> str:
    """Name of the variable that holds the error of another one: the sampling error where it was measured.

    Args:
        dataset: A dataset of a study.
        of: `imbalance` or `overlap` for the cells themselves, else a variable such as `mean` or `distance`.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> results, smoothness, _ = constructed_study(sampling=True)
        >>> error_name(results, "imbalance"), error_name(smoothness, "mean"), error_name(smoothness, "forward")
        ('sampling_error', 'mean_sampling_error', 'forward_se')
    """
    cells = of in ("imbalance", "overlap")
    sampling, rows = ("sampling_error", "standard_error") if cells else (f"{of}_sampling_error", f"{of}_se")
    there = sampling in dataset and bool(np.isfinite(dataset[sampling].values).any())
    return sampling if there else rows


def errors_of(dataset: xr.Dataset, of: str) -> np.ndarray:
    """The errors of a variable, in its shape; NaN where the study has none."""
    name = error_name(dataset, of)
    return dataset[name].values if name in dataset else np.full(dataset[of].shape, np.nan)


def is_sampling(dataset: xr.Dataset, of: str) -> bool:
    """Whether the error that is shown for a variable is the sampling error."""
    return error_name(dataset, of).endswith("sampling_error")


def error_word(dataset: xr.Dataset, of: str) -> str:
    """What the error of a variable is called, in short.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> error_word(constructed_study()[0], "imbalance")
        'query-row error'
    """
    return "sampling error" if is_sampling(dataset, of) else "query-row error"


def band_note(dataset: xr.Dataset, of: str) -> str:
    """What a band around a curve shows, as a sentence for its caption.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> band_note(constructed_study()[2], "distance")
        'Bands: two query-row errors.'
    """
    return f"Bands: two {error_word(dataset, of)}s."
