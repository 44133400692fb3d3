"""Models as paths: all steps of all models placed by their mutual imbalance, grouped, and seen in both directions.

Steps that are the same for all images have no place among the others and are left out.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from jaxsim.study.derived.labels import informative, matching_error, read_labels

LINKAGES = ("average", "complete", "single", "weighted")


def step_embedding(imbalance: xr.DataArray, *, n_axes: int = 2) -> xr.Dataset:
    """Places all steps of all models in a few dimensions by classical multidimensional scaling.

    The dissimilarity of two steps is the mean of both directions of the imbalance, and 0 of a step to itself. It is
    no Euclidean distance: the negative eigenvalues say how far from one, and the explained share counts them.

    Args:
        imbalance: Labelled information imbalance with dims (`k`,) `source`, `target`, as in `Study.imbalance`.
        n_axes: Number of axes, at most the number of steps.

    Returns:
        Dataset with `place` on (`k`, `step`, `axis`), `eigenvalue` on (`k`, `component`) from the largest,
        `explained` on (`k`, `axis`): the share of the sum of absolute eigenvalues, and `negative` on `k`: the share of
        the negative ones; `stress` on `k`: root of the relative squared error of the distances drawn. Coordinates
        `model`, `step_name`, `depth` on `step`. An axis without a positive eigenvalue is 0. Each axis points to where
        the steps are deeper.

    Raises:
        ValueError: If the labels do not fit or `n_axes` is out of range.

    Source:
        Torgerson, Psychometrika 1952; Mardia, Kent & Bibby, Multivariate Analysis, 1979, section 14.2.

    Example:
        >>> from jaxsim.study import StepLabel, label_imbalance
        >>> labels = [StepLabel("m", f"s{i}", i / 2) for i in range(3)]
        >>> line = np.abs(np.subtract.outer(np.arange(3.0), np.arange(3.0)))
        >>> path = step_embedding(label_imbalance(line, labels).imbalance, n_axes=1)
        >>> (path.place.sel(k=1).values[:, 0].round(6) + 0.0).tolist(), round(path.explained.item(), 6)
        ([-1.0, 0.0, 1.0], 1.0)
    """
    imbalance = informative(read_labels(imbalance)[0])
    n = imbalance.sizes["source"]
    if not isinstance(n_axes, int) or not 1 <= n_axes <= n:
        raise ValueError(f"expected n_axes between 1 and the {n} steps, got {n_axes!r}")
    depths = np.asarray(imbalance["source_depth"].values, np.float64)
    places, eigenvalues, stresses = [], [], []
    for values in np.asarray(imbalance.values, np.float64):
        distance = symmetric_dissimilarity(values)
        centring = np.eye(n) - 1 / n
        found, vectors = np.linalg.eigh(-centring @ distance**2 @ centring / 2)
        found, vectors = found[::-1], vectors[:, ::-1]
        place = vectors[:, :n_axes] * np.sqrt(np.clip(found[:n_axes], 0, None))
        # The sign of an eigenvector is arbitrary.
        along = (place - place.mean(axis=0)).T @ (depths - depths.mean())
        place = place * np.where(along < 0, -1, 1)
        drawn = np.sqrt(((place[:, None] - place[None]) ** 2).sum(axis=-1))
        total = float((distance**2).sum())
        stresses.append(np.sqrt(((distance - drawn) ** 2).sum() / total) if total else 0.0)
        places.append(place)
        eigenvalues.append(found)
    spectrum = np.stack(eigenvalues)
    scale = np.abs(spectrum).sum(axis=1)
    scale = np.where(scale > 0, scale, 1)
    return xr.Dataset(
        {
            "place": (("k", "step", "axis"), np.stack(places)),
            "eigenvalue": (("k", "component"), spectrum),
            "explained": (("k", "axis"), np.clip(spectrum[:, :n_axes], 0, None) / scale[:, None]),
            "negative": ("k", -np.clip(spectrum, None, 0).sum(axis=1) / scale),
            "stress": ("k", np.array(stresses)),
        },
        coords={"k": imbalance["k"].values, **_step_coords(imbalance)},
        attrs={"method": "classical multidimensional scaling", "dissimilarity": "mean of both directions"},
    )


def step_linkage(imbalance: xr.DataArray, *, method: str = "average") -> xr.Dataset:
    """Groups all steps of all models by their mutual imbalance, from the closest two to all of them.

    Args:
        imbalance: Labelled information imbalance with dims (`k`,) `source`, `target`, of at least two steps.
        method: "average", "complete", "single" or "weighted", as in `scipy.cluster.hierarchy.linkage`.

    Returns:
        Dataset with `linkage` on (`k`, `merge`, `column`), the matrix that SciPy's functions take (columns `first`,
        `second`, `height`, `size`), and `order` on (`k`, `step`): labels of the steps in the order of the leaves.
        Coordinates `model`, `step_name`, `depth` on `step`.

    Raises:
        ValueError: If the labels do not fit, there is one step, or the method is another.

    Example:
        >>> from jaxsim.study import StepLabel, label_imbalance
        >>> labels = [StepLabel("m", name, depth) for name, depth in (("a", 0.0), ("b", 0.5), ("c", 1.0))]
        >>> values = np.array([[0, 0.9, 0.2], [0.9, 0, 0.8], [0.2, 0.8, 0]])
        >>> tree = step_linkage(label_imbalance(values, labels).imbalance)
        >>> tree.linkage.sel(k=1, column="height").values.round(3).tolist()
        [0.2, 0.85]
    """
    if method not in LINKAGES:
        raise ValueError(f"expected method to be one of {', '.join(LINKAGES)}, got {method!r}")
    imbalance = informative(read_labels(imbalance)[0])
    if imbalance.sizes["source"] < 2:
        raise ValueError(f"expected at least two steps to group, got {imbalance.sizes['source']}")
    matrices, orders = [], []
    names = imbalance["source"].values
    for values in np.asarray(imbalance.values, np.float64):
        matrix = linkage(squareform(symmetric_dissimilarity(values)), method=method, optimal_ordering=True)
        matrices.append(matrix)
        orders.append(names[leaves_list(matrix)])
    return xr.Dataset(
        {"linkage": (("k", "merge", "column"), np.stack(matrices)), "order": (("k", "step"), np.stack(orders))},
        coords={
            "k": imbalance["k"].values,
            "column": np.array(["first", "second", "height", "size"], dtype=object),
            **_step_coords(imbalance),
        },
        attrs={"method": method, "dissimilarity": "mean of both directions"},
    )


def information_plane(imbalance: xr.DataArray, standard_error: xr.DataArray | None = None) -> xr.Dataset:
    """Both directions of every pair of steps of different models: who knows more of whom.

    Near (floor, floor) two steps hold the same; where forward is small and backward is not, the source holds what the
    target holds and more; near (1, 1) they share nothing.

    Args:
        imbalance: Labelled information imbalance with dims (`k`,) `source`, `target`.
        standard_error: Its standard errors, labelled alike; without them all errors are NaN.

    Returns:
        Dataset with `forward` = Delta(a -> b), `backward` = Delta(b -> a) and their `_se` on (`k`, `point`), one point
        for every step of an earlier and every step of a later model; coordinates `step_a`, `step_b`, `model_a`,
        `model_b`, `depth_a`, `depth_b`. With one model: all pairs of its steps.

    Raises:
        ValueError: If the labels do not fit.

    Example:
        >>> from jaxsim.study import StepLabel, label_imbalance
        >>> labels = [StepLabel("a", "s", 0.0), StepLabel("b", "s", 0.0)]
        >>> plane = information_plane(label_imbalance(np.array([[0.1, 0.2], [0.7, 0.1]]), labels).imbalance)
        >>> plane.forward.item(), plane.backward.item()
        (0.2, 0.7)
    """
    imbalance, models = read_labels(imbalance)
    errors = matching_error(imbalance, standard_error)
    values = np.asarray(imbalance.values, np.float64)
    owner = np.full(imbalance.sizes["source"], -1)
    for i, model in enumerate(models):
        owner[model.positions] = i
    if len(models) > 1:
        a, b = np.nonzero((owner[:, None] < owner[None, :]) & (owner[:, None] >= 0))
    else:
        a, b = np.triu_indices(len(owner), 1)
        both = (owner[a] >= 0) & (owner[b] >= 0)
        a, b = a[both], b[both]
    variables = {
        "forward": values[:, a, b],
        "backward": values[:, b, a],
        "forward_se": errors[:, a, b],
        "backward_se": errors[:, b, a],
    }
    coords = {}
    for side, at in (("a", a), ("b", b)):
        coords[f"step_{side}"] = ("point", imbalance["source"].values[at])
        coords[f"model_{side}"] = ("point", imbalance["source_model"].values[at])
        coords[f"depth_{side}"] = ("point", np.asarray(imbalance["source_depth"].values, np.float64)[at])
    floor = {"floor": ("k", np.asarray(imbalance["floor"].values))} if "floor" in imbalance.coords else {}
    return xr.Dataset(
        {name: (("k", "point"), each) for name, each in variables.items()},
        coords={"k": imbalance["k"].values, **coords, **floor},
    )


def symmetric_dissimilarity(values: Float[np.ndarray, "steps steps"]) -> Float[np.ndarray, "steps steps"]:
    """Mean of both directions, and exactly 0 of a step to itself.

    Example:
        >>> symmetric_dissimilarity(np.array([[0.1, 0.2], [0.4, 0.1]])).round(3).tolist()
        [[0.0, 0.3], [0.3, 0.0]]
    """
    both = (values + values.T) / 2
    np.fill_diagonal(both, 0)
    return both


def _step_coords(imbalance: xr.DataArray) -> dict[str, tuple[str, np.ndarray]]:
    return {
        "step": ("step", imbalance["source"].values),
        "model": ("step", imbalance["source_model"].values),
        "step_name": ("step", imbalance["source_step"].values),
        "depth": ("step", np.asarray(imbalance["source_depth"].values, np.float64)),
    }
