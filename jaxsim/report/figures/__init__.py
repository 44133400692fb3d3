"""One plotting function per figure: labelled results in, matplotlib axes out."""

from jaxsim.report.figures.between import (
    best_match,
    best_matches,
    between_model_distance,
    between_model_distances,
)
from jaxsim.report.figures.descriptions import described_names, description, description_panels
from jaxsim.report.figures.findings import finding_effects, finding_pages, finding_panels
from jaxsim.report.figures.information import low_level_information, low_level_informations, pages_of_spaces
from jaxsim.report.figures.labels import label_overlap, label_overlaps
from jaxsim.report.figures.matrix import heatmap, overview
from jaxsim.report.figures.measures import measure_correlations, measure_ranks
from jaxsim.report.figures.palette import ModelStyle, families_of, model_styles
from jaxsim.report.figures.paths import dendrogram, information_plane, trajectories
from jaxsim.report.figures.sample_size import sample_size, sample_sizes
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
    "described_names",
    "description",
    "description_panels",
    "families_of",
    "finding_effects",
    "finding_pages",
    "finding_panels",
    "fixed_step_profile",
    "heatmap",
    "information_plane",
    "label_overlap",
    "label_overlaps",
    "low_level_information",
    "low_level_informations",
    "measure_correlations",
    "measure_ranks",
    "model_styles",
    "overview",
    "pages_of_spaces",
    "sample_size",
    "sample_sizes",
    "smoothness_overlay",
    "smoothness_profile",
    "smoothness_profiles",
    "trajectories",
]
