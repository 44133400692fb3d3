"""A checkpoint in, a Flax module whose call returns every processing step out."""

from jaxsim.models.family import Architecture, Family, families
from jaxsim.models.load import load_model
from jaxsim.models.model import VisionModel
from jaxsim.models.step import Layout, Map, Recorder, Step, Tokens, Vector

__all__ = [
    "Architecture",
    "Family",
    "Layout",
    "Map",
    "Recorder",
    "Step",
    "Tokens",
    "Vector",
    "VisionModel",
    "families",
    "load_model",
]
