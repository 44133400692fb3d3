"""One plotting function per figure: labelled datasets in, matplotlib axes out."""

from jaxsim.plot.figures.between import best_match, between_model_distance
from jaxsim.plot.figures.findings import finding_effects
from jaxsim.plot.figures.information import low_level_information
from jaxsim.plot.figures.labels import label_overlap
from jaxsim.plot.figures.matrix import heatmap, overview
from jaxsim.plot.figures.paths import dendrogram, information_plane, trajectories
from jaxsim.plot.figures.sample_size import sample_size
from jaxsim.plot.figures.smoothness import fixed_step_profile, smoothness_overlay, smoothness_profile

__all__ = [
    "best_match",
    "between_model_distance",
    "dendrogram",
    "finding_effects",
    "fixed_step_profile",
    "heatmap",
    "information_plane",
    "label_overlap",
    "low_level_information",
    "overview",
    "sample_size",
    "smoothness_overlay",
    "smoothness_profile",
    "trajectories",
]
