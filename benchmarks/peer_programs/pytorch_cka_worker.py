"""Debiased CKA of pytorch-cka, run in an environment of its own."""

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
            request: `do` is `load` (with `folder`) or `cka` (all pairs; `save`: a file for the values, or None).
        """
        import torch

        # Installed in an environment of its own.
        from cka import cka_from_features  # pyright: ignore[reportMissingImports]

        if request["do"] == "load":
            paths = sorted(Path(request["folder"]).glob("*.npy"))
            self._layers = [torch.from_numpy(np.load(path)) for path in paths]
            return {"n_layers": len(self._layers)}
        with torch.inference_mode():
            found = cka_from_features(self._layers, self._layers)
        if request["save"] is not None:
            np.save(request["save"], found.numpy().astype(np.float64))
        return {}


if __name__ == "__main__":
    serve(Session().answer)
