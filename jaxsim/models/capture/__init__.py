"""Live models of any framework, as jaxsim sees a checkpoint."""

from jaxsim.models.capture.captured_model import CapturedModel
from jaxsim.models.capture.capturing import capture

__all__ = ["CapturedModel", "capture"]
