"""Any measures between all layers, and of every layer, from one set of statistics."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from jax.sharding import Mesh
from jaxsim_kernels import Metric, Progress, check_metric

from .declaration import Case, LayerMeasure, Measure
from .gathered import Gathered, gather
from .half_samples import error_between_layers, half_sample_error
from .measure_checks import check_measures
from .registry import find_measures
from .request import Request, check_request
from .statistics import Need


def measure(
    layers: Any,
    measures: Any = ("information_imbalance",),
    *,
    k: Any = 1,
    metric: str = "euclidean",
    clip: Any = None,
    drop_duplicates: bool = False,
    n_queries: int | None = None,
    seed: int = 0,
    ties: str = "index",
    precision: str = "highest",
    plan: str | None = None,
    budget: int | None = None,
    devices: Sequence[Any] | int | None = None,
    mesh: Mesh | None = None,
    n_splits: int = 0,
    groups: Any = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Measures between all pairs of layers.

    What is expensive is worked out once for all measures: neighbours, ranks and sums over pairs of samples come from
    the same blocks of distances, and a measure is a formula of these.

    Args:
        layers: Mapping name -> `[n_samples, n_features]` of any widths, or a sequence; see `imbalance_matrix`.
        measures: Names, as `jaxsim metrics` lists them, or `Measure` objects.
        k: Number of neighbours, or several as a tuple, for measures that use them.
        metric: `euclidean`, `cosine`, `correlation` or `precomputed`, for measures that do not name their own.
        clip: Two quantiles to clip every sample's features to.
        drop_duplicates: Of samples that are equal in all layers keep the first.
        n_queries: Neighbours and ranks of only this many rows; measures of all pairs of samples refuse it.
        seed: Of query rows and halves.
        ties: Among equally near neighbours, `index` or `expected` (information imbalance alone).
        precision: `float64`, `highest`, `high` or `fast`.
        plan: Force `one-pass` or `two-pass`.
        budget: Bytes that features and blocks may take.
        devices: Devices that share the samples, or how many.
        mesh: A mesh whose devices share the samples.
        n_splits: Balanced splits of the samples for standard errors: 8 is a good number, 0 for none.
        groups: Group of every sample: samples of one group stay in one half, and are not neighbours; measures of all
            pairs of samples take the pairs within groups like any other.
        progress: Called as `progress(done, total, what)`.

    Returns:
        A variable for each measure, with dimensions `source`, `target`, and `k` in front where the measure uses it; its
        declaration as attributes. With `n_splits`, `<name>_sampling_error` beside it, and `<name>_halves` with
        dimensions `split`, `half` in front.

    Raises:
        ValueError: For an unknown measure, too few samples, features or neighbours for a measure, and whatever
            `imbalance_matrix` refuses; before any work.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 6))
        >>> found = measure({"all": x, "some": x[:, :2]}, ("information_imbalance", "cka", "mutual_knn"), k=(1, 10))
        >>> sorted(found.data_vars)
        ['cka', 'information_imbalance', 'mutual_knn']
        >>> found.cka.dims, found.mutual_knn.dims
        (('source', 'target'), ('k', 'source', 'target'))
        >>> round(float(found.cka.sel(source="all", target="all")), 6)
        1.0
    """
    chosen = find_measures(measures, Measure)
    arguments = {
        "k": k, "clip": clip, "drop_duplicates": drop_duplicates, "n_queries": n_queries, "seed": seed, "ties": ties,
        "precision": precision, "plan": plan, "budget": budget, "devices": devices, "mesh": mesh,
        "n_splits": n_splits, "groups": groups, "progress": progress,
    }  # fmt: skip
    gathered = _gathered(layers, chosen, metric, arguments, "measure")
    names = list(gathered.request.named)
    pair = ("source", "target")
    return _dataset(gathered, chosen, pair, {"source": names, "target": names})


def describe(
    layers: Any,
    measures: Any = ("intrinsic_dimension",),
    *,
    k: Any = 1,
    metric: str = "euclidean",
    clip: Any = None,
    drop_duplicates: bool = False,
    seed: int = 0,
    precision: str = "highest",
    plan: str | None = None,
    budget: int | None = None,
    devices: Sequence[Any] | int | None = None,
    mesh: Mesh | None = None,
    n_splits: int = 0,
    groups: Any = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Measures of every layer by itself, such as its intrinsic dimension.

    Args:
        layers: As for `measure`.
        measures: Names, as `jaxsim metrics` lists them, or `LayerMeasure` objects.
        k: As for `measure`, and so are all further arguments.
        metric: See `measure`.
        clip: See `measure`.
        drop_duplicates: See `measure`.
        seed: Of halves.
        precision: See `measure`.
        plan: See `measure`.
        budget: See `measure`.
        devices: See `measure`.
        mesh: See `measure`.
        n_splits: See `measure`.
        groups: See `measure`.
        progress: See `measure`.

    Returns:
        A variable for each measure, with the dimension `layer`, and `k` in front where the measure uses it.

    Raises:
        ValueError: As for `measure`.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(500, 3))
        >>> found = describe({"x": x, "wide": x @ np.ones((3, 8))}, ("participation_ratio",))
        >>> found.participation_ratio.dims, round(float(found.participation_ratio.sel(layer="wide")), 3)
        (('layer',), 1.0)
    """
    chosen = find_measures(measures, LayerMeasure)
    arguments = {
        "k": k, "clip": clip, "drop_duplicates": drop_duplicates, "seed": seed, "precision": precision, "plan": plan,
        "budget": budget, "devices": devices, "mesh": mesh, "n_splits": n_splits, "groups": groups,
        "progress": progress,
    }  # fmt: skip
    gathered = _gathered(layers, chosen, metric, arguments, "describe")
    return _dataset(gathered, chosen, ("layer",), {"layer": list(gathered.request.named)})


def _gathered(
    layers: Any, chosen: Sequence[Measure | LayerMeasure], metric: str, arguments: dict[str, Any], caller: str
) -> Gathered:
    checked = check_metric(metric)

    def request_of(own: Metric) -> Request:
        return check_request(layers, metric=own, **arguments)

    check_measures(chosen, request_of(checked))
    needs: frozenset[Need] = frozenset().union(*(each.needs for each in chosen))
    return gather(request_of, checked, needs, caller)


def _dataset(
    gathered: Gathered, chosen: Sequence[Measure | LayerMeasure], dims: tuple[str, ...], coords: dict[str, Any]
) -> xr.Dataset:
    request, variables = gathered.request, {}
    for each in chosen:
        values = np.asarray(each.formula(gathered.whole), np.float64)
        own = ("k", *dims) if each.uses_k else dims
        variables[each.name] = (own, values, declared(each))
        if gathered.halves:
            halves = np.stack(
                [np.stack([np.asarray(each.formula(half), np.float64) for half in split]) for split in gathered.halves]
            )
            between = isinstance(each, Measure) and each.orientation == "dissimilarity"
            error = error_between_layers(halves) if between else half_sample_error(halves[:, 0], halves[:, 1])
            variables[f"{each.name}_sampling_error"] = (own, error)
            variables[f"{each.name}_halves"] = (("split", "half", *own), halves)
    options = request.options
    return xr.Dataset(
        variables,
        coords={"k": list(request.ks), **coords},
        attrs={
            "n_samples": request.n_samples,
            "n_queries": request.n_samples if request.queries is None else len(request.queries),
            "metric": request.metric,
            "ties": options.ties,
            "precision": options.precision,
            "seed": request.seed,
            "n_splits": 0 if request.sides is None else len(request.sides),
            "n_groups": 0 if request.groups is None else len(np.unique(request.groups)),
            "n_dropped": len(request.dropped),
            "dropped": ", ".join(map(str, request.dropped.tolist())),
            "notes": "\n".join(gathered.notes),
            "plan": "\n".join(gathered.plans),
        },
    )


def declared(measure: Measure | LayerMeasure) -> dict[str, Any]:
    """A declaration as attributes of a variable: text and numbers that a file can hold.

    Example:
        >>> from jaxsim.metrics.registry import find_measures
        >>> declared(find_measures("cka")[0])["orientation"]
        'similarity'
    """
    found: dict[str, Any] = {
        "long_name": measure.title,
        "source": measure.source,
        "uses_k": int(measure.uses_k),
        "invariances": ", ".join(sorted(measure.invariances)),
    }
    if isinstance(measure, Measure):
        found |= {"symbol": measure.symbol} if measure.symbol else {}
        return found | {"orientation": measure.orientation, "symmetric": int(measure.symmetric)}
    return found | {"units": measure.unit}


def chance_level(measure: Measure, n_samples: int, k: int, widths: tuple[int, int]) -> float | None:
    """Expected value for independent layers, or None where it is not known.

    Example:
        >>> from jaxsim.metrics.registry import find_measures
        >>> chance_level(find_measures("mutual_knn")[0], 101, 10, (5, 5))
        0.1
    """
    return None if measure.independent is None else measure.independent(Case(n_samples, k, widths))
