"""TwoNN of all layers by scikit-dimension, run in an environment of its own."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.serving import serve


class Session:
    """Layers kept between requests, so that a timed request does nothing but compute."""

    def __init__(self) -> None:
        self._layers: list[Any] = []

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request.

        Args:
            request: `do` is `load` (with `folder`) or `all` (`save`: a file for the values, or None).
        """
        # Installed in an environment of its own.
        from skdim.id import TwoNN  # pyright: ignore[reportMissingImports]

        if request["do"] == "load":
            self._layers = [np.load(path) for path in sorted(Path(request["folder"]).glob("*.npy"))]
            return {"n_layers": len(self._layers)}
        found = np.array([TwoNN().fit(layer).dimension_ for layer in self._layers])
        if request["save"] is not None:
            np.save(request["save"], found)
        return {}


if __name__ == "__main__":
    serve(Session().answer)
