"""Do two vision models get to their representations by the same steps?

Similarity metrics between the processing steps of vision models, exact and streaming, in JAX.

- `information_imbalance(x, y)`, `imbalance_matrix(layers)`, `label_overlap(x, labels)`: arrays you already have.
- `measure(layers, ("cka", "mutual_knn"))`, `describe(layers)`: any measures of two layers or of one, in one pass.
- `cka(x, y)`, `rsa(x, y)`, `mutual_knn(x, y)`, `twonn(x)` and so on: a measure of arrays, also inside `jax.jit`.
- `calibrate(layers, others)`: measures against what they are by chance.
- `Dissimilarities(matrix)`: a space known by its dissimilarities, next to others given by features.
- `load_model(source)`: a checkpoint as a function from images to every processing step.
- `capture(model)`: a live Linen, NNX or torch module as the same.
- `open_features(source)`: features of any program, from arrays or files, whose samples meet by id.
- `near_duplicates(x)`: which samples are crops, frames or re-encodings of each other.
- `compare(models, images=..., measures=..., out=...)`: models and images in, labelled results and a report out.
- `plot`: one function for each figure of a study.
"""

from typing import TYPE_CHECKING, Any

from jaxsim import alone as _alone  # noqa: F401  (before anything of another package of this name is used)

if TYPE_CHECKING:
    __version__: str
    from jaxsim.data import digits as digits
    from jaxsim.data import open_images as open_images
    from jaxsim.data import rendered as rendered
    from jaxsim.features import align_features as align_features
    from jaxsim.features import open_features as open_features
    from jaxsim.metrics import Dissimilarities as Dissimilarities
    from jaxsim.metrics import Gride as Gride
    from jaxsim.metrics import ImbalanceMatrix as ImbalanceMatrix
    from jaxsim.metrics import InformationImbalance as InformationImbalance
    from jaxsim.metrics import LayerMeasure as LayerMeasure
    from jaxsim.metrics import Measure as Measure
    from jaxsim.metrics import NearDuplicates as NearDuplicates
    from jaxsim.metrics import angular_shape as angular_shape
    from jaxsim.metrics import angular_shape_measure as angular_shape_measure
    from jaxsim.metrics import calibrate as calibrate
    from jaxsim.metrics import cka as cka
    from jaxsim.metrics import cka_angular as cka_angular
    from jaxsim.metrics import cka_measure as cka_measure
    from jaxsim.metrics import cknna as cknna
    from jaxsim.metrics import cknna_biased as cknna_biased
    from jaxsim.metrics import cknna_paper as cknna_paper
    from jaxsim.metrics import cycle_knn as cycle_knn
    from jaxsim.metrics import describe as describe
    from jaxsim.metrics import differentiable_imbalance as differentiable_imbalance
    from jaxsim.metrics import distance_correlation as distance_correlation
    from jaxsim.metrics import distance_covariance as distance_covariance
    from jaxsim.metrics import effective_rank as effective_rank
    from jaxsim.metrics import eigenspace_overlap as eigenspace_overlap
    from jaxsim.metrics import feature_weights as feature_weights
    from jaxsim.metrics import gride as gride
    from jaxsim.metrics import gulp as gulp
    from jaxsim.metrics import gulp_measure as gulp_measure
    from jaxsim.metrics import hard_matching as hard_matching
    from jaxsim.metrics import hsic as hsic
    from jaxsim.metrics import hsic_measure as hsic_measure
    from jaxsim.metrics import hubness as hubness
    from jaxsim.metrics import imbalance_gain as imbalance_gain
    from jaxsim.metrics import imbalance_matrix as imbalance_matrix
    from jaxsim.metrics import information_imbalance as information_imbalance
    from jaxsim.metrics import joint_rank_jaccard as joint_rank_jaccard
    from jaxsim.metrics import knn_jaccard as knn_jaccard
    from jaxsim.metrics import knn_probe as knn_probe
    from jaxsim.metrics import label_overlap as label_overlap
    from jaxsim.metrics import lcs_knn as lcs_knn
    from jaxsim.metrics import linear_probe as linear_probe
    from jaxsim.metrics import linear_regression as linear_regression
    from jaxsim.metrics import matrix_entropy as matrix_entropy
    from jaxsim.metrics import mean_cca as mean_cca
    from jaxsim.metrics import measure as measure
    from jaxsim.metrics import mle_dimension as mle_dimension
    from jaxsim.metrics import mutual_knn as mutual_knn
    from jaxsim.metrics import near_duplicates as near_duplicates
    from jaxsim.metrics import neighbourhood_overlap as neighbourhood_overlap
    from jaxsim.metrics import participation_ratio as participation_ratio
    from jaxsim.metrics import procrustes as procrustes
    from jaxsim.metrics import published_imbalance as published_imbalance
    from jaxsim.metrics import pwcca as pwcca
    from jaxsim.metrics import r2_cca as r2_cca
    from jaxsim.metrics import rank_similarity as rank_similarity
    from jaxsim.metrics import renyi2_entropy as renyi2_entropy
    from jaxsim.metrics import rsa as rsa
    from jaxsim.metrics import rsa_measure as rsa_measure
    from jaxsim.metrics import rv as rv
    from jaxsim.metrics import second_order_cosine as second_order_cosine
    from jaxsim.metrics import select_features as select_features
    from jaxsim.metrics import semi_matching as semi_matching
    from jaxsim.metrics import size_and_shape as size_and_shape
    from jaxsim.metrics import soft_matching as soft_matching
    from jaxsim.metrics import soft_matching_distance as soft_matching_distance
    from jaxsim.metrics import svcca as svcca
    from jaxsim.metrics import svcca_measure as svcca_measure
    from jaxsim.metrics import twonn as twonn
    from jaxsim.metrics import weight_path as weight_path
    from jaxsim.models import VisionModel as VisionModel
    from jaxsim.models import capture as capture
    from jaxsim.models import load_model as load_model
    from jaxsim.study import Study as Study
    from jaxsim.study import compare as compare

# Names are imported when they are first used: metrics need neither transformers nor matplotlib.
_HOMES = {
    "Dissimilarities": "metrics",
    "Gride": "metrics",
    "ImbalanceMatrix": "metrics",
    "InformationImbalance": "metrics",
    "LayerMeasure": "metrics",
    "Measure": "metrics",
    "NearDuplicates": "metrics",
    "Study": "study",
    "VisionModel": "models",
    "align_features": "features",
    "angular_shape": "metrics",
    "angular_shape_measure": "metrics",
    "calibrate": "metrics",
    "capture": "models",
    "cka": "metrics",
    "cka_angular": "metrics",
    "cka_measure": "metrics",
    "cknna": "metrics",
    "cknna_biased": "metrics",
    "cknna_paper": "metrics",
    "compare": "study",
    "cycle_knn": "metrics",
    "describe": "metrics",
    "differentiable_imbalance": "metrics",
    "digits": "data",
    "distance_correlation": "metrics",
    "distance_covariance": "metrics",
    "effective_rank": "metrics",
    "eigenspace_overlap": "metrics",
    "feature_weights": "metrics",
    "gride": "metrics",
    "gulp": "metrics",
    "gulp_measure": "metrics",
    "hard_matching": "metrics",
    "hsic": "metrics",
    "hsic_measure": "metrics",
    "hubness": "metrics",
    "imbalance_gain": "metrics",
    "imbalance_matrix": "metrics",
    "information_imbalance": "metrics",
    "joint_rank_jaccard": "metrics",
    "knn_jaccard": "metrics",
    "knn_probe": "metrics",
    "label_overlap": "metrics",
    "lcs_knn": "metrics",
    "linear_probe": "metrics",
    "linear_regression": "metrics",
    "load_model": "models",
    "matrix_entropy": "metrics",
    "mean_cca": "metrics",
    "measure": "metrics",
    "mle_dimension": "metrics",
    "mutual_knn": "metrics",
    "near_duplicates": "metrics",
    "neighbourhood_overlap": "metrics",
    "open_features": "features",
    "open_images": "data",
    "participation_ratio": "metrics",
    "procrustes": "metrics",
    "published_imbalance": "metrics",
    "pwcca": "metrics",
    "r2_cca": "metrics",
    "rank_similarity": "metrics",
    "rendered": "data",
    "renyi2_entropy": "metrics",
    "rsa": "metrics",
    "rsa_measure": "metrics",
    "rv": "metrics",
    "second_order_cosine": "metrics",
    "select_features": "metrics",
    "semi_matching": "metrics",
    "size_and_shape": "metrics",
    "soft_matching": "metrics",
    "soft_matching_distance": "metrics",
    "svcca": "metrics",
    "svcca_measure": "metrics",
    "twonn": "metrics",
    "weight_path": "metrics",
}

# Packages whose further functions are reached through them, as `jaxsim.features.extract`.
_ROOMS = ("data", "features", "metrics", "models", "plot", "study")

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _ROOMS:
        return import_module(f"jaxsim.{name}")
    if name == "__version__":
        return import_module("jaxsim.study.versions").package_version("jaxsim-metrics")
    if name not in _HOMES:
        raise AttributeError(f"module 'jaxsim' has no attribute {name!r}")
    value = getattr(import_module(f"jaxsim.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_ROOMS})
