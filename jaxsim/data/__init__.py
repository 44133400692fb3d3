"""Images in, decoded and in a fixed order, each with an id."""

from jaxsim.data.arrays import ArraySource
from jaxsim.data.batches import Batch, load_batches
from jaxsim.data.digits import Digits, digits
from jaxsim.data.folder import FolderSource
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
    "load_batches",
    "open_images",
]
