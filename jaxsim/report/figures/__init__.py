"""One plotting function per figure: labelled results in, matplotlib axes out."""

from jaxsim.report.figures.between import (
    best_match,
    best_matches,
    between_model_distance,
    between_model_distances,
)
from jaxsim.report.figures.findings import finding_effects
from jaxsim.report.figures.information import low_level_information, low_level_informations
from jaxsim.report.figures.matrix import heatmap, overview
from jaxsim.report.figures.palette import ModelStyle, families_of, model_styles
from jaxsim.report.figures.paths import dendrogram, information_plane, trajectories
from jaxsim.report.figures.smoothness import (
    fixed_step_profile,
    smoothness_overlay,
    smoothness_profile,
    smoothness_profiles,
)

__all__ = [
    "ModelStyle",
    "best_match",
    "best_matches",
    "between_model_distance",
    "between_model_distances",
    "dendrogram",
    "families_of",
    "finding_effects",
    "fixed_step_profile",
    "heatmap",
    "information_plane",
    "low_level_information",
    "low_level_informations",
    "model_styles",
    "overview",
    "smoothness_overlay",
    "smoothness_profile",
    "smoothness_profiles",
    "trajectories",
]
