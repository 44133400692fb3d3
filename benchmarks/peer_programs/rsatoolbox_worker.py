"""RSA of all pairs of layers by rsatoolbox, run in an environment of its own."""

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
        from rsatoolbox.data import Dataset  # pyright: ignore[reportMissingImports]
        from rsatoolbox.rdm import calc_rdm, compare, concat  # pyright: ignore[reportMissingImports]

        if request["do"] == "load":
            paths = sorted(Path(request["folder"]).glob("*.npy"))
            self._layers = [Dataset(np.load(path).astype(np.float64)) for path in paths]
            return {"n_layers": len(self._layers)}
        dissimilarities = concat([calc_rdm(layer, method="euclidean") for layer in self._layers])
        found = compare(dissimilarities, dissimilarities, method="corr")
        if request["save"] is not None:
            np.save(request["save"], found)
        return {}


if __name__ == "__main__":
    serve(Session().answer)
