"""FAISS's exact nearest neighbours, run in FAISS's own environment."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.serving import serve


class Session:
    """Layers kept between requests."""

    def __init__(self) -> None:
        self._layers: list[np.ndarray] = []

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request.

        Args:
            request: `do` is `load` (with `folder`) or `neighbours` (`layer`, `k`, and `save`, a path or None).
        """
        import faiss  # pyright: ignore[reportMissingImports]

        if request["do"] == "load":
            self._layers = [np.load(p) for p in sorted(Path(request["folder"]).glob("*.npy"))]
            return {"version": faiss.__version__, "threads": faiss.omp_get_max_threads()}
        x = self._layers[request["layer"]]
        index = faiss.IndexFlatL2(x.shape[1])
        index.add(x)
        _, found = index.search(x, request["k"] + 1)
        if request["save"]:
            np.save(request["save"], found)
        return {}


if __name__ == "__main__":
    serve(Session().answer)
