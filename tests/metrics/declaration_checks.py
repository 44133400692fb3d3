"""Checks of everything that a measure declares, for any measure: a wrong declaration fails one of them."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from jaxsim.metrics import Case, LayerMeasure, Measure, Statistics, describe, measure
from jaxsim.metrics.declaration import Invariance
from jaxsim.metrics.statistics import CondensedDistances, FactorPairs, KernelSums

N, DX, DY, K = 64, 6, 4, 5
SEEDS = range(2)
FLOAT64 = 1e-9


def pair(seed, n=N):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, DX)) + 0.3
    return x, x[:, :DY] + 0.7 * rng.standard_normal((n, DY))


def value(each, *layers, **options):
    """Of one layer, or from the first to the second."""
    options = {"k": K, **options}
    if isinstance(each, LayerMeasure):
        found = describe(list(layers[:1]), (each,), **options)[each.name]
        return float(found.isel(layer=0).values.ravel()[0])
    found = measure(list(layers), (each,), **options)[each.name]
    return float(found.isel(source=0, target=1).values.ravel()[0])


def changed(x, kind, seed):
    rng = np.random.default_rng([seed, 1])
    if kind == "rotation":
        return x @ np.linalg.qr(rng.standard_normal((x.shape[1], x.shape[1])))[0]
    if kind == "translation":
        return x + rng.standard_normal(x.shape[1])
    if kind == "scale":
        return x * 8.0
    if kind == "invertible linear map":
        return x @ (np.eye(x.shape[1]) + 0.5 * rng.standard_normal((x.shape[1], x.shape[1])))
    raise AssertionError(kind)


def close(a, b, tolerance=FLOAT64):
    return abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))


def check_names(each):
    assert each.name.isidentifier(), each.name
    assert each.name == each.name.lower()
    assert each.title
    assert len(getattr(each, "symbol", "")) <= 6, "a symbol fits an axis"
    assert any(character.isdigit() for character in each.source), "a source names its year"
    assert each.invariances <= set(get_args(Invariance))


def check_invariances(each):
    pairs = [pair(seed) for seed in SEEDS]
    plain = [value(each, x, y) for x, y in pairs]
    if "sample permutation" in each.invariances:
        for seed, (x, y) in enumerate(pairs):
            order = np.random.default_rng(seed).permutation(N)
            assert close(value(each, x[order], y[order]), plain[seed]), "sample permutation"
    for kind in set(get_args(Invariance)) - {"sample permutation"}:
        kept = []
        for seed, (x, y) in enumerate(pairs):
            # Translation and rotation round the data; what rests on neighbours does not notice.
            kept.append(close(value(each, changed(x, kind, seed), y), plain[seed], 1e-8))
            if isinstance(each, Measure):
                kept.append(close(value(each, x, changed(y, kind, seed)), plain[seed], 1e-8))
        assert all(kept) == (kind in each.invariances), (kind, kept)


def check_symmetry(each):
    same = [close(value(each, *pair(seed)), value(each, *pair(seed)[::-1])) for seed in SEEDS]
    assert all(same) == each.symmetric


def check_bounds(each):
    rng = np.random.default_rng(0)
    pairs = [pair(seed) for seed in SEEDS] + [(rng.standard_normal((N, DX)), rng.standard_normal((N, DY)))]
    pairs += [(x, x) for x, _ in pairs] + [(x, -3 * x**3) for x, _ in pairs]
    for x, y in pairs:
        found, case = value(each, x, y), Case(N, K, (x.shape[1], y.shape[1]))
        assert np.isfinite(found)
        if each.lowest is not None:
            assert found >= each.lowest(case) - 1e-9 * max(1, abs(each.lowest(case)))
        if each.highest is not None:
            assert found <= each.highest(case) + 1e-9 * max(1, abs(each.highest(case)))


def check_equal(each):
    for seed in SEEDS:
        x, _ = pair(seed)
        if each.equal is not None:
            assert close(value(each, x, x), each.equal(Case(N, K, (DX, DX)))), value(each, x, x)
    if each.equal is not None and each.lowest is not None and each.orientation == "dissimilarity":
        assert close(each.equal(Case(N, K)), each.lowest(Case(N, K))), "nothing is more alike than equal layers"
    if each.equal is not None and each.highest is not None and each.orientation == "similarity":
        assert close(each.equal(Case(N, K)), each.highest(Case(N, K))), "nothing is more alike than equal layers"


def independent_values(each, n_each=16):
    """From every one of some independent Gaussian layers to every one of others: `[source, target]`."""
    rng = np.random.default_rng(7)
    layers = [rng.standard_normal((N, width)) for width in (DX, DY) for _ in range(n_each)]
    found = measure(layers, (each,), k=K)[each.name].values.reshape(2 * n_each, 2 * n_each)
    return found[:n_each, n_each:]


def check_independent(each):
    values = independent_values(each)
    if each.independent is not None:
        # Values of one layer may lie together: what its mean is worth is seen from the means of layers.
        error = max(values.mean(axis).std(ddof=1) / np.sqrt(len(values)) for axis in (0, 1))
        assert abs(values.mean() - each.independent(Case(N, K, (DX, DY)))) < 3.5 * error + 1e-12
    alike = np.mean([value(each, x, x) for x, _ in map(pair, SEEDS)])
    assert (alike > values.mean()) == (each.orientation == "similarity")


def check_k(each):
    x, y = pair(0)
    call = describe if isinstance(each, LayerMeasure) else measure
    layers = [x] if isinstance(each, LayerMeasure) else [x, y]
    found = call(layers, (each,), k=(2, 7))[each.name]
    assert ("k" in found.dims) == each.uses_k
    if each.uses_k:
        flat = found.values.reshape(2, -1)
        assert not np.allclose(flat[0], flat[1]), "what uses k depends on it"
        for k in (2, 7):
            alone = call(layers, (each,), k=k)[each.name]
            np.testing.assert_allclose(alone.values[0], found.sel(k=k).values, rtol=1e-12)


class Recorded(Statistics):
    """Statistics that note what a formula reads."""

    def __getitem__(self, need):
        self.found.setdefault("read", set()).add(need)
        return super().__getitem__(need)


def check_needs(each):
    read = set()

    def formula(statistics):
        noting = Recorded(statistics.n_samples, statistics.ks, statistics.widths, dict(statistics.found))
        values = each.formula(noting)
        read.update(noting.found["read"])
        return values

    value(replace(each, formula=formula), *pair(0))
    assert read == each.needs


def check_least_samples(each):
    enough, k = each.least_samples, K if each.uses_k else 1
    if each.uses_k:
        enough = max(enough, K * max(getattr(need, "times", 1) for need in each.needs) + 2)
    assert np.isfinite(value(each, *pair(0, enough), k=k))
    if each.least_samples > 3:
        with pytest.raises(ValueError, match=str(each.least_samples)):
            value(each, *pair(0, each.least_samples - 1), k=1)


def check_tolerance(each):
    """In float32 as in float64, to what the measure declares; more samples than are worked out in float64 anyway."""
    x, y = (layer.astype(np.float32) for layer in pair(0, 1100))
    exact = value(each, x, y, precision="float64")
    found = value(each, x, y)
    assert abs(found - exact) <= each.tolerance * max(abs(exact), 1e-3), (found, exact)


def check_all_rows(each):
    """A formula that is not stopped before the work refuses query rows itself, or else gives a value for them."""
    if any(isinstance(need, (KernelSums, CondensedDistances, FactorPairs)) for need in each.needs):
        assert not each.all_rows, "pairs of samples are refused by what is needed"
        return
    refused = ""
    try:
        value(replace(each, all_rows=False), *pair(0), n_queries=N // 2)
    except ValueError as error:
        refused = str(error)
    assert ("query rows" in refused) == bool(refused) == each.all_rows
    if each.all_rows:
        with pytest.raises(ValueError, match="query rows"):
            value(each, *pair(0), n_queries=N // 2)


OF_ALL = (check_names, check_invariances, check_bounds, check_k, check_needs, check_least_samples, check_tolerance)
OF_PAIRS = (check_symmetry, check_equal, check_independent, check_all_rows)


def checks_of(each):
    return (*OF_ALL, *OF_PAIRS) if isinstance(each, Measure) else OF_ALL
