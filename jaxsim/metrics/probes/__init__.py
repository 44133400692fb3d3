"""What can be read off layers: by a linear map, and by the nearest samples."""

from .linear import linear_probe
from .nearest import knn_probe

__all__ = ["knn_probe", "linear_probe"]
