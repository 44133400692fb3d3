"""DADApy's information imbalance, run in DADApy's own environment."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.serving import serve


class Session:
    """Layers kept between requests, so that a timed request does nothing but compute."""

    def __init__(self) -> None:
        self._layers: list[np.ndarray] = []
        self._indices: dict[int, np.ndarray] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request.

        Args:
            request: `do` is `load` (with `folder`), `pair` (`a`, `b`, `k`: both directions, as a user calls it),
                `neighbours` (`layer`: all of them, kept) or `ranks` (`a`, `b`, `k`: out of kept neighbours).
        """
        # Installed in an environment of its own.
        import dadapy  # pyright: ignore[reportMissingImports]
        from dadapy import MetricComparisons  # pyright: ignore[reportMissingImports]
        from dadapy._utils.metric_comparisons import _return_imbalance  # pyright: ignore[reportMissingImports]

        do = request["do"]
        if do == "load":
            self._layers = [np.load(p).astype(np.float64) for p in sorted(Path(request["folder"]).glob("*.npy"))]
            return {"n_layers": len(self._layers), "version": getattr(dadapy, "__version__", None)}
        if do == "neighbours":
            x = self._layers[request["layer"]]
            comparison = MetricComparisons(coordinates=x, maxk=len(x) - 1)
            comparison.compute_distances()
            self._indices[request["layer"]] = np.asarray(comparison.dist_indices)
            return {}
        a, b, k = request["a"], request["b"], request["k"]
        if do == "ranks":
            rng = np.random.default_rng(0)
            values = [_return_imbalance(self._indices[i], self._indices[j], rng, k=k) for i, j in ((a, b), (b, a))]
            return {"forward": float(values[0]), "backward": float(values[1])}
        comparison = MetricComparisons(coordinates=self._layers[a])
        with warnings.catch_warnings():
            # It says that the subset is the whole data set, which is what is asked for.
            warnings.simplefilter("ignore", UserWarning)
            forward, backward = comparison.return_information_imbalace(
                self._layers[b], k=k, subset_size=len(self._layers[a])
            )
        return {"forward": float(forward[0]), "backward": float(backward[0])}


if __name__ == "__main__":
    serve(Session().answer)
