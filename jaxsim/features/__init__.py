"""Steps pooled to `[samples, features]`, in memory or on disk, with sample identity; resumable."""

from jaxsim.features.alignment import align_features
from jaxsim.features.estimate import Estimate, estimate
from jaxsim.features.extraction import extract, extract_together
from jaxsim.features.feature_set import FeatureSet, Representation
from jaxsim.features.model_runs import Extraction
from jaxsim.features.opening import is_features_file, open_features
from jaxsim.features.pooling import check_pool, pool_state, pooled_width, token_places
from jaxsim.features.pools import POOLS
from jaxsim.features.step_model import StepModel
from jaxsim.features.step_record import StepRecord
from jaxsim.features.store import StoredRepresentation

__all__ = [
    "POOLS",
    "Estimate",
    "Extraction",
    "FeatureSet",
    "Representation",
    "StepModel",
    "StepRecord",
    "StoredRepresentation",
    "align_features",
    "check_pool",
    "estimate",
    "extract",
    "extract_together",
    "is_features_file",
    "open_features",
    "pool_state",
    "pooled_width",
    "token_places",
]
