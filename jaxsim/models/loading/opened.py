"""An opened source: everything that is needed to build the model and fill in its weights."""

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
        name: How results call the model unless the user says otherwise.
        architecture: Module, weight table, image size, default preprocessing.
        family: Name of the family.
        config: The configuration with defaults, JSON-able.
        shapes: Shape of each tensor (empty where weights were not asked for and there are none).
        read: Returns a tensor by name.
        where: What to call the source in messages.
        processor_directory: Where the checkpoint's own image processor lies, None if it has none.
    """

    name: str
    architecture: Architecture
    family: str
    config: dict[str, Any]
    shapes: Shapes
    read: Callable[[str], np.ndarray]
    where: str
    processor_directory: Path | None = None
