"""A model's source after it was recognised: all that is needed to build the model and fill in its weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxsim.models.family import Architecture, Shapes


@dataclasses.dataclass(frozen=True)
class OpenedSource:
    """What `jaxsim.models.loading.sources.open_source` returns.

    Attributes:
        name: how results call the model unless the user says otherwise.
        architecture: module, weight table, image size, default preprocessing.
        family: name of the family.
        config: the configuration with defaults, JSON-able.
        shapes: shape of each tensor (empty where weights were not asked for and there are none).
        read: returns a tensor by name.
        where: what to call the source in messages.
        processor_directory: where the checkpoint's own image processor lies, None if it has none.
    """

    name: str
    architecture: Architecture
    family: str
    config: dict[str, Any]
    shapes: Shapes
    read: Callable[[str], np.ndarray]
    where: str
    processor_directory: Path | None = None
