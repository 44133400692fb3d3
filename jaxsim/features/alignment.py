"""Sets of features brought to the same samples in the same order."""

from collections.abc import Mapping
from typing import Any

from jaxsim.arguments import check_flag, shown
from jaxsim.features.feature_set import FeatureSet
from jaxsim.sample_ids import SampleOrderWarning, meet
from jaxsim.warn import warn


def align_features(sets: Mapping[str, FeatureSet] | Any, *, intersect: bool = False) -> dict[str, FeatureSet]:
    """Brings sets of features to the same samples in the order of the first, by their ids.

    The sets may be of different inputs: a caption and its image, a word and its translation, a stimulus and the
    response to it. What belongs together has one id.

    Args:
        sets: Name -> features, as `open_features` gives them.
        intersect: Whether samples that a set lacks are left out of all; otherwise sets that differ are refused.

    Returns:
        Name -> the features of the samples that all share; nothing is read.

    Raises:
        ValueError: If the sets differ and `intersect` is False (names the first ids), have no sample in common, or
            name none and have different numbers of them.

    Warns:
        SampleOrderWarning: Says which order was put right, and how many samples were left out.

    Example:
        >>> import numpy as np
        >>> from jaxsim.features import open_features
        >>> captions = open_features({"text": np.eye(3)}, sample_ids=["cat", "dog", "owl"])
        >>> photos = open_features({"image": np.eye(2)}, sample_ids=["cat", "owl"])
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     both = align_features({"captions": captions, "photos": photos}, intersect=True)
        >>> both["captions"].sample_ids, both["captions"]["text"].shape
        (('cat', 'owl'), (2, 3))
    """
    intersect = check_flag("intersect", intersect)
    if not isinstance(sets, Mapping) or not sets or not all(isinstance(x, FeatureSet) for x in sets.values()):
        raise ValueError(f"expected a mapping from names to features of jaxsim.open_features, got {shown(sets)}")
    numbered = next((name for name, x in sets.items() if x.numbered), None)
    sizes = {len(x.sample_ids) for x in sets.values()}
    if numbered is not None and len(sizes) > 1:
        raise ValueError(
            f"expected samples with ids, but those of {numbered!r} are row numbers, which say nothing of what belongs "
            "together; open it with sample_ids="
        )
    met = meet({name: x.sample_ids for name, x in sets.items()}, intersect=intersect)
    for message in met.messages:
        warn(message, SampleOrderWarning)
    chosen = {name: (x, met.rows[name]) for name, x in sets.items()}
    return {name: x if rows is None else x.select(rows) for name, (x, rows) in chosen.items()}
