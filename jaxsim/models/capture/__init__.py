"""Live models of any framework (Linen, NNX, Equinox, torch) as functions from images to steps."""

from jaxsim.models.capture.captured_model import CapturedModel
from jaxsim.models.capture.capturing import capture

__all__ = ["CapturedModel", "capture"]
