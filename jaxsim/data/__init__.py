"""Images in, decoded and in a fixed order, each with an id."""

from jaxsim.data.arrays import ArraySource
from jaxsim.data.batches import Batch, load_batches
from jaxsim.data.digits import Digits, digits
from jaxsim.data.folder import FolderSource
from jaxsim.data.image_statistics import image_statistics, statistic_names
from jaxsim.data.low_level import low_level_spaces
from jaxsim.data.opening import open_images
from jaxsim.data.rendered import RenderedSource, rendered
from jaxsim.data.rendered_factors import factor_spaces
from jaxsim.data.rendered_shapes import SHAPES
from jaxsim.data.source import DamagedImage, ImageSource
from jaxsim.data.statistics_view import StatisticsView, own_edge, statistics_view
from jaxsim.data.thumbnails import thumbnails

__all__ = [
    "SHAPES",
    "ArraySource",
    "Batch",
    "DamagedImage",
    "Digits",
    "FolderSource",
    "ImageSource",
    "RenderedSource",
    "StatisticsView",
    "digits",
    "factor_spaces",
    "image_statistics",
    "load_batches",
    "low_level_spaces",
    "open_images",
    "own_edge",
    "rendered",
    "statistic_names",
    "statistics_view",
    "thumbnails",
]
