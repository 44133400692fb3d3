"""Biased CKA against shuffled pairings by calibrated-similarity, run in an environment of its own."""

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
            request: `do` is `load` (with `folder`) or `all` (the first layer with some others: `pairs` of them,
                `permutations`, `save`: a file for scores, p-values and thresholds, or None).
        """
        import torch

        # Installed in an environment of its own.
        from calibrated_similarity import calibrate  # pyright: ignore[reportMissingImports]

        if request["do"] == "load":
            layers = [torch.from_numpy(np.load(path)) for path in sorted(Path(request["folder"]).glob("*.npy"))]
            self._layers = [layer - layer.mean(0) for layer in layers]
            return {"n_layers": len(self._layers)}

        def cka(x: Any, y: Any) -> Any:
            return (x.T @ y).norm() ** 2 / ((x.T @ x).norm() * (y.T @ y).norm())

        generator = torch.Generator().manual_seed(0)
        found = [
            [
                float(each)
                for each in calibrate(
                    self._layers[0], layer, cka, K=request["permutations"], generator=generator, smax=1.0
                )
            ]
            for layer in self._layers[1 : 1 + request["pairs"]]
        ]
        if request["save"] is not None:
            np.save(request["save"], np.array(found))
        return {}


if __name__ == "__main__":
    serve(Session().answer)
