"""Steps pooled to `[samples, features]`, in memory or on disk, with sample identity; resumable."""

from jaxsim.features.alignment import align_features
from jaxsim.features.estimate import Estimate, estimate
from jaxsim.features.extraction import extract
from jaxsim.features.feature_set import FeatureSet, Representation
from jaxsim.features.opening import is_features_file, open_features
from jaxsim.features.pooling import POOLS, check_pool, pool_state, pooled_width
from jaxsim.features.step_model import StepModel
from jaxsim.features.step_record import StepRecord
from jaxsim.features.store import StoredRepresentation

__all__ = [
    "POOLS",
    "Estimate",
    "FeatureSet",
    "Representation",
    "StepModel",
    "StepRecord",
    "StoredRepresentation",
    "align_features",
    "check_pool",
    "estimate",
    "extract",
    "is_features_file",
    "open_features",
    "pool_state",
    "pooled_width",
]
