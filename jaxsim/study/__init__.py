"""Studies: metrics over the steps of several models, as labelled results."""

from jaxsim.study.derived.alignment import depth_alignment
from jaxsim.study.derived.between import between_models
from jaxsim.study.derived.information import label_information
from jaxsim.study.derived.labels import StepLabel, label_imbalance
from jaxsim.study.derived.smoothness import smoothness_profile
from jaxsim.study.derived.trajectories import information_plane, step_embedding, step_linkage
from jaxsim.study.results import Study
from jaxsim.study.run.comparison import Comparison, compare, prepare_comparison
from jaxsim.study.run.plan import Plan
from jaxsim.study.run.settings import Settings, checked_settings
from jaxsim.study.versions import package_versions

__all__ = [
    "Comparison",
    "Plan",
    "Settings",
    "StepLabel",
    "Study",
    "between_models",
    "checked_settings",
    "compare",
    "depth_alignment",
    "information_plane",
    "label_imbalance",
    "label_information",
    "package_versions",
    "prepare_comparison",
    "smoothness_profile",
    "step_embedding",
    "step_linkage",
]
