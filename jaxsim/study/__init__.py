"""Studies: metrics over the steps of several models, as labelled results."""

from jaxsim.study.alignment import depth_alignment
from jaxsim.study.between import between_models
from jaxsim.study.labels import StepLabel, label_imbalance
from jaxsim.study.results import Study
from jaxsim.study.smoothness import smoothness_profile

__all__ = [
    "StepLabel",
    "Study",
    "between_models",
    "depth_alignment",
    "label_imbalance",
    "smoothness_profile",
]
