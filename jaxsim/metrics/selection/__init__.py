"""Which features predict another space: by gradient, one at a time, and from one time to a later one."""

from .fitting import FeatureWeights
from .gain import imbalance_gain
from .greedy import SelectedFeatures, select_features
from .soft_neighbours import differentiable_imbalance
from .weights import feature_weights, weight_path

__all__ = [
    "FeatureWeights",
    "SelectedFeatures",
    "differentiable_imbalance",
    "feature_weights",
    "imbalance_gain",
    "select_features",
    "weight_path",
]
