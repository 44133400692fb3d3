"""Images in, decoded and in a fixed order, each with an id."""

from jaxsim.data.arrays import ArraySource
from jaxsim.data.batches import Batch, load_batches
from jaxsim.data.digits import Digits, digits
from jaxsim.data.folder import FolderSource
from jaxsim.data.image_statistics import image_statistics, statistic_names
from jaxsim.data.low_level import low_level_spaces
from jaxsim.data.opening import open_images
from jaxsim.data.source import DamagedImage, ImageSource

__all__ = [
    "ArraySource",
    "Batch",
    "DamagedImage",
    "Digits",
    "FolderSource",
    "ImageSource",
    "digits",
    "image_statistics",
    "load_batches",
    "low_level_spaces",
    "open_images",
    "statistic_names",
]
