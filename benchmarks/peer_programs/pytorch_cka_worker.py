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
            request: `do` is `load` (with `folder`) or `cka` (all pairs; `save`: a file for the values, or None;
                answered with the device).
        """
        import torch

        # Installed in an environment of its own.
        from cka import cka_from_features  # pyright: ignore[reportMissingImports]

        if request["do"] == "load":
            paths = sorted(Path(request["folder"]).glob("*.npy"))
            device = "cuda" if torch.cuda.is_available() else "cpu"
            self._layers = [torch.from_numpy(np.load(path)).to(device) for path in paths]
            return {"n_layers": len(self._layers)}
        with torch.inference_mode():
            # Fetching waits for the device.
            found = cka_from_features(self._layers, self._layers).cpu().numpy()
        if request["save"] is not None:
            np.save(request["save"], found.astype(np.float64))
        return {"device": str(self._layers[0].device)}


if __name__ == "__main__":
    serve(Session().answer)
