"""Tests and intervals: right by definition on small data, calibrated where nothing is there to find."""

import numpy as np
import pytest
from numpy.random import default_rng

from jaxsim.metrics import balanced_halves, imbalance_matrix
from jaxsim.metrics.calibration.shuffled_pairing import draw_shuffles, shuffled_imbalances
from jaxsim.metrics.half_samples import half_sample_quantile
from jaxsim.study import StepLabel, label_imbalance, smoothness_profile
from jaxsim.study.inference import (
    corrected_p_values,
    extremum_test,
    half_sample_interval,
    permutation_test,
    query_subsampling_interval,
    smoothness_difference,
)

LEVEL = 0.05


def delta(x, y, **options) -> float:
    return float(imbalance_matrix([x, y], precision="float64", **options).values[0, 1])


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "correlation"])
@pytest.mark.parametrize("k", [1, 4])
def test_every_shuffle_is_the_metric_on_shuffled_samples(k, metric) -> None:
    rng = default_rng(0)
    x = rng.normal(3, 1, (60, 5))
    y = [x[:, :3] + rng.normal(0, 0.3, (60, 3)), rng.integers(0, 3, (60, 4)) + 0.5 * x[:, 1:]]
    everyone = np.arange(60)
    shuffles = draw_shuffles(60, everyone, 3, seed=1)
    found = shuffled_imbalances([x, y[0]], y, shuffles, everyone, k=k, metric=metric)
    for s, shuffle in enumerate(shuffles):
        for a, source in enumerate((x, y[0])):
            for b, target in enumerate(y):
                assert found[s, a, b] == pytest.approx(delta(source, target[shuffle], k=k, metric=metric), abs=1e-7)


def test_duplicates_and_ties_follow_the_metric() -> None:
    rng = default_rng(1)
    x = rng.integers(0, 2, (50, 4)).astype(float)
    y = np.repeat(rng.normal(size=(25, 2)), 2, axis=0)
    everyone = np.arange(50)
    found = shuffled_imbalances([x], [y], draw_shuffles(50, everyone, 0, 0), everyone, k=2, metric="euclidean")
    with pytest.warns(UserWarning, match="tied"):
        assert found.item() == pytest.approx(delta(x, y, k=2), abs=1e-7)


def test_query_rows_stay_among_themselves(monkeypatch) -> None:
    rng = default_rng(2)
    x, y = rng.normal(size=(80, 3)), rng.normal(size=(80, 3))
    # A block of few rows, so that several are needed.
    monkeypatch.setattr("jaxsim.metrics.calibration.shuffled_pairing._BLOCK_BYTES", 8 * 80 * 7)
    monkeypatch.setattr("jaxsim.metrics.calibration.shuffled_pairing._GATHERED", 30)
    test = permutation_test(x, y, n_queries=20, n_permutations=19, seed=5)
    assert test.value == pytest.approx(delta(x, y, n_queries=20, seed=5), abs=1e-7)
    assert (test.n_samples, test.n_queries, test.seed, len(test.null)) == (80, 20, 5, 19)
    queries = np.sort(default_rng(5).choice(80, 20, replace=False))
    shuffles = draw_shuffles(80, queries, 19, seed=5)
    for shuffle in shuffles:
        assert sorted(shuffle[queries]) == queries.tolist()
        assert sorted(shuffle) == list(range(80))
    expected = [2 / 80 * np.mean(_row_ranks(x, y[shuffle])[queries]) for shuffle in shuffles[1:]]
    np.testing.assert_allclose(test.null, expected, atol=1e-7)


def _row_ranks(x, y) -> np.ndarray:
    """Rank in y of the nearest neighbour in x, per sample, by its definition."""
    dx, dy = (((z[:, None] - z[None]) ** 2).sum(-1) for z in (x, y))
    np.fill_diagonal(dx, np.inf)
    np.fill_diagonal(dy, np.inf)
    nearest = dx.argmin(1)
    threshold = dy[np.arange(len(x)), nearest]
    return 1 + (dy < threshold[:, None]).sum(1)


def test_the_mean_of_both_directions_under_shuffles() -> None:
    rng = default_rng(3)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    tests = {d: permutation_test(x, y, direction=d, n_permutations=9) for d in ("forward", "backward", "mean")}
    assert tests["backward"].value == pytest.approx(delta(y, x), abs=1e-7)
    np.testing.assert_allclose(tests["mean"].null, (tests["forward"].null + tests["backward"].null) / 2)


def test_p_values_count_the_shuffles_that_reach_the_value() -> None:
    rng = default_rng(4)
    x = rng.normal(size=(60, 3))
    assert permutation_test(x, x, n_permutations=49).p_value == 1 / 50
    assert permutation_test(x, x, n_permutations=49, alternative="greater").p_value == 1.0
    test = permutation_test(x, rng.normal(size=(60, 2)), n_permutations=49, seed=2)
    assert test.p_value == (1 + (test.null <= test.value + 1e-9).sum()) / 50
    assert permutation_test(x, x[:, :1], n_permutations=9, seed=2).null.std() > 0


def test_shuffling_all_samples_is_what_the_null_expects() -> None:
    # Independent pairings have expectation 1 whatever the spaces are.
    x = default_rng(5).normal(size=(200, 3))
    null = permutation_test(x, x[:, :2], n_permutations=400).null
    assert null.mean() == pytest.approx(1, abs=4 * null.std() / 20)
    assert null.std() == pytest.approx(0.577 / np.sqrt(200), rel=0.25)


def test_the_extremum_is_found_named_and_corrected() -> None:
    rng = default_rng(6)
    x = rng.normal(size=(80, 4))
    targets = {f"n{i}": rng.normal(size=(80, 4)) for i in range(5)} | {"x": x + 0.1 * rng.normal(size=x.shape)}
    sources = {"noise": rng.normal(size=(80, 4)), "x": x}
    test = extremum_test(sources, targets, n_permutations=199, seed=3)
    assert (test.source, test.target) == ("x", "x")
    assert test.p_value == 1 / 200
    assert test.values.shape == test.adjusted_p_values.shape == (2, 6)
    assert test.value == test.values.min() == pytest.approx(delta(x, targets["x"]), abs=1e-7)
    assert (test.adjusted_p_values < LEVEL).sum() == 1
    # Looking at twelve cells makes the extreme of the null more extreme than that of one cell.
    one = permutation_test(x, targets["n0"], n_permutations=199, seed=3)
    assert np.median(test.null) < np.median(one.null)
    largest = extremum_test(sources, targets, extremum="max", n_permutations=19)
    assert largest.value == largest.values.max()
    assert largest.alternative == "greater"


def test_intervals_are_what_they_say() -> None:
    rng = default_rng(7)
    x = rng.normal(size=(300, 3))
    y = x + rng.normal(size=x.shape)
    interval = half_sample_interval(x, y, n_splits=6, seed=4)
    splits = balanced_halves(300, 6, seed=4)
    halves = np.array([[delta(x[half], y[half]) for half in (~split, split)] for split in splits])
    assert interval.value == pytest.approx(delta(x, y), abs=1e-12)
    # Halves of 148 to 152 samples: in proportion between what equal layers and independent ones give at one size.
    floors = np.array([[2 / half.sum() for half in (~split, split)] for split in splits])
    assert np.ptp(floors) > 0
    alike = 1 - (1 - floors.mean(axis=1, keepdims=True)) * (1 - halves) / (1 - floors)
    assert interval.standard_error == pytest.approx(np.sqrt((np.diff(alike) ** 2).mean() / 4), abs=1e-12)
    assert interval.high - interval.low == pytest.approx(2 * half_sample_quantile(0.95, 6) * interval.standard_error)
    assert (interval.n_samples, interval.n_parts, interval.seed, interval.k) == (300, 6, 4, 1)

    rows = query_subsampling_interval(x, y, n_queries=120, seed=4)
    matrix = imbalance_matrix([x, y], n_queries=120, seed=4)
    assert rows.value == pytest.approx(matrix.values[0, 1], abs=1e-6)
    assert rows.standard_error == pytest.approx(matrix.standard_error[0, 1], rel=0.01)
    assert (rows.n_samples, rows.n_parts) == (300, 120)


def _path(rng, n_steps, n_samples=160, jump=0.3) -> dict[str, np.ndarray]:
    steps = [rng.normal(size=(n_samples, 4))]
    while len(steps) < n_steps:
        steps.append(steps[-1] + jump * rng.normal(size=steps[-1].shape))
    return {f"s{i}": step for i, step in enumerate(steps)}


@pytest.mark.parametrize("statistic", ["mean_change", "roughness", "fixed_step"])
def test_summaries_are_those_of_the_profile(statistic) -> None:
    rng = default_rng(8)
    models = {"a": _path(rng, 5, jump=0.2), "b": _path(rng, 4, jump=0.8)}
    labels = [StepLabel(m, step, i / (len(path) - 1)) for m, path in models.items() for i, step in enumerate(path)]
    layers = [x for path in models.values() for x in path.values()]
    profile = smoothness_profile(label_imbalance(np.asarray(imbalance_matrix(layers).values), labels).imbalance)
    expected = profile[statistic].sel(k=1)
    expected = expected.mean("t") if statistic == "fixed_step" else expected
    found = smoothness_difference(models["a"], models["b"], statistic=statistic, method="queries")
    assert found.a == pytest.approx(expected.sel(model_name="a").item(), abs=1e-6)
    assert found.b == pytest.approx(expected.sel(model_name="b").item(), abs=1e-6)
    assert found.value == pytest.approx(found.a - found.b)
    assert found.low < found.value < found.high
    if statistic == "fixed_step":
        assert found.h == pytest.approx(profile.attrs["h"])


@pytest.mark.parametrize("method", ["halves", "queries"])
def test_a_smoother_model_is_told_from_a_jumping_one(method) -> None:
    rng = default_rng(9)
    a, b = _path(rng, 4, 400, jump=0.1), _path(rng, 4, 400, jump=1.0)
    found = smoothness_difference(a, b, method=method)
    assert found.high < 0
    assert found.p_value < 1e-3
    assert smoothness_difference(b, a, method=method).low > 0
    same = smoothness_difference(a, a, method=method)
    assert (same.value, same.standard_error, same.p_value) == (0, 0, 1)
    assert found.n_parts == (8 if method == "halves" else 400)


def test_corrections_against_known_values() -> None:
    p = [0.01, 0.02, 0.03, 0.04, 0.2, np.nan]
    np.testing.assert_allclose(corrected_p_values(p), [0.05, 0.08, 0.09, 0.09, 0.2, np.nan])
    expected = [0.05, 0.05, 0.05, 0.05, 0.2, np.nan]
    np.testing.assert_allclose(corrected_p_values(p, "benjamini-hochberg"), expected)
    assert corrected_p_values(np.full((2, 3), 0.5)).tolist() == [[1.0] * 3] * 2
    assert np.isnan(corrected_p_values([np.nan])).all()


def test_bad_settings_are_refused() -> None:
    x = default_rng(0).normal(size=(30, 2))
    path = {"a": x, "b": x + 1}
    for message, call in (
        ("direction", lambda: permutation_test(x, x, direction="up")),
        ("alternative", lambda: permutation_test(x, x, alternative="both")),
        ("extremum", lambda: extremum_test({"x": x}, {"x": x}, extremum="mean")),
        ("at least one permutation", lambda: permutation_test(x, x, n_permutations=0)),
        ("same samples", lambda: permutation_test(x, x[:20])),
        ("n_splits to be an integer from 2 to 15", lambda: half_sample_interval(x, x, n_splits=1)),
        ("at least 32 samples", lambda: half_sample_interval(x, x)),
        ("level between 0 and 1", lambda: half_sample_interval(x, x, level=0.0)),
        ("level between 0 and 1", lambda: query_subsampling_interval(x, x, level=95.0)),
        ("at least 3 steps", lambda: smoothness_difference(path, path, statistic="roughness")),
        ("a mapping from step", lambda: smoothness_difference([x, x], path)),
        ("statistic", lambda: smoothness_difference(path, path, statistic="max")),
        ("h between", lambda: smoothness_difference(path, path, statistic="fixed_step", h=0.1)),
        ("same samples", lambda: smoothness_difference(path, {"a": x[:9], "b": x[:9]})),
        ("metric to be one of", lambda: permutation_test(x, x, metric="precomputed")),
        ("metric to be one of", lambda: half_sample_interval(x, x, metric="manhattan")),
        ("method of correction", lambda: corrected_p_values([0.1], "bonferroni")),
        ("between 0 and 1", lambda: corrected_p_values([1.2])),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def _p_of_a_cell(rng) -> float:
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 3))
    return permutation_test(x, y, n_permutations=99, seed=int(rng.integers(1 << 30))).p_value


def _p_of_an_extremum(rng) -> float:
    # Layers of one model resemble each other, those of different models share nothing.
    a, b = (_path(rng, 4, 40, jump=0.5) for _ in range(2))
    return extremum_test(a, b, n_permutations=99, seed=int(rng.integers(1 << 30))).p_value


def _p_of_an_independent_interval(rng) -> float:
    x, y = rng.normal(size=(200, 3)), rng.normal(size=(200, 3))
    interval = half_sample_interval(x, y, seed=int(rng.integers(1 << 30)))
    return 0.0 if not interval.low <= 1 <= interval.high else 1.0


def _p_of_a_difference(rng) -> float:
    a, b = (_path(rng, 4, 200, jump=0.4) for _ in range(2))
    return smoothness_difference(a, b, seed=int(rng.integers(1 << 30))).p_value


def test_a_permutation_test_is_calibrated() -> None:
    rng = default_rng(10)
    p = np.array([_p_of_a_cell(rng) for _ in range(100)])
    # Uniform: 5 % within three standard errors, and no pile at either end.
    assert (p <= LEVEL).mean() <= LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / 100)
    assert p.mean() == pytest.approx(0.5, abs=3 * 0.289 / 10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "simulate", [_p_of_a_cell, _p_of_an_extremum, _p_of_an_independent_interval, _p_of_a_difference]
)
def test_false_positives_at_five_per_cent(simulate) -> None:
    rng = default_rng(11)
    rate = np.mean([simulate(rng) <= LEVEL for _ in range(200)])
    assert 0.03 <= rate <= 0.07
