"""One plotting function per figure: labelled results in, matplotlib axes out."""

from jaxsim.report.figures.between import (
    best_match,
    best_matches,
    between_model_distance,
    between_model_distances,
)
from jaxsim.report.figures.matrix import heatmap, overview
from jaxsim.report.figures.palette import ModelStyle, families_of, model_styles
from jaxsim.report.figures.smoothness import fixed_step_profile, smoothness_profile, smoothness_profiles

__all__ = [
    "ModelStyle",
    "best_match",
    "best_matches",
    "between_model_distance",
    "between_model_distances",
    "families_of",
    "fixed_step_profile",
    "heatmap",
    "model_styles",
    "overview",
    "smoothness_profile",
    "smoothness_profiles",
]
