"""Do two vision models get to their representations by the same steps?

Similarity metrics between the processing steps of vision models, exact and streaming, in JAX.

- `information_imbalance(x, y)`, `imbalance_matrix(layers)`, `label_overlap(x, labels)`: arrays you already have.
- `Dissimilarities(matrix)`: a space known by its dissimilarities, next to others given by features.
- `load_model(source)`: a checkpoint as a function from images to every processing step.
- `capture(model)`: a live Linen, NNX or torch module as the same.
- `near_duplicates(x)`: which samples are crops, frames or re-encodings of each other.
- `compare(models, images=..., out=...)`: models and images in, labelled results and a report out.
- `plot`: one function for each figure of a study.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxsim.data import digits as digits
    from jaxsim.data import open_images as open_images
    from jaxsim.data import rendered as rendered
    from jaxsim.features import open_features as open_features
    from jaxsim.metrics import Dissimilarities as Dissimilarities
    from jaxsim.metrics import ImbalanceMatrix as ImbalanceMatrix
    from jaxsim.metrics import InformationImbalance as InformationImbalance
    from jaxsim.metrics import NearDuplicates as NearDuplicates
    from jaxsim.metrics import imbalance_matrix as imbalance_matrix
    from jaxsim.metrics import information_imbalance as information_imbalance
    from jaxsim.metrics import label_overlap as label_overlap
    from jaxsim.metrics import near_duplicates as near_duplicates
    from jaxsim.models import VisionModel as VisionModel
    from jaxsim.models import capture as capture
    from jaxsim.models import load_model as load_model
    from jaxsim.study import Study as Study
    from jaxsim.study import compare as compare

# Names are imported when they are first used: metrics need neither transformers nor matplotlib.
_HOMES = {
    "Dissimilarities": "metrics",
    "ImbalanceMatrix": "metrics",
    "InformationImbalance": "metrics",
    "NearDuplicates": "metrics",
    "Study": "study",
    "VisionModel": "models",
    "capture": "models",
    "compare": "study",
    "digits": "data",
    "imbalance_matrix": "metrics",
    "information_imbalance": "metrics",
    "label_overlap": "metrics",
    "load_model": "models",
    "near_duplicates": "metrics",
    "open_features": "features",
    "open_images": "data",
    "rendered": "data",
}

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "plot":
        return import_module("jaxsim.plot")
    if name not in _HOMES:
        raise AttributeError(f"module 'jaxsim' has no attribute {name!r}")
    value = getattr(import_module(f"jaxsim.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, "plot"})
