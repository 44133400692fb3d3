"""A checkpoint in, a Flax module whose call returns every processing step out."""

import jaxsim.models.families  # noqa: F401
from jaxsim.models import family as _family
from jaxsim.models.capture import CapturedModel, capture
from jaxsim.models.family import Architecture, Family
from jaxsim.models.loading.load import load_model
from jaxsim.models.model import VisionModel
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Layout, Map, Recorder, Step, Tokens, Vector
from jaxsim.models.supported import SupportedFamily, supported

# The subpackage of the same name is imported above, and only a first import would put it in this place again.
families = _family.families

__all__ = [
    "Architecture",
    "CapturedModel",
    "Family",
    "Layout",
    "Map",
    "PlainPreprocessor",
    "Recorder",
    "Step",
    "SupportedFamily",
    "Tokens",
    "Vector",
    "VisionModel",
    "capture",
    "families",
    "load_model",
    "supported",
]
