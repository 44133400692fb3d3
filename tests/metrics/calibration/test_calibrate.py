"""Calibration by shuffled pairings: every measure's values of shuffles, scores, p-values, bad calls."""

import numpy as np
import pytest

from jaxsim.metrics import calibrate, measure, pair_measures
from jaxsim.metrics.calibration.dense_kernels import check_dense
from jaxsim.metrics.calibration.null import against_draws
from jaxsim.metrics.calibration.shuffled_pairing import draw_shuffles
from jaxsim.metrics.calibration.shuffled_statistics import prepare_shuffles
from jaxsim.metrics.gathered import gather
from jaxsim.metrics.request import check_request

N, K = 48, 4


def layers(seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((N, 6))
    sources = {"x": x, "cubed": x[:, :4] ** 3}
    return sources, {"noisy": x + rng.standard_normal(x.shape), "other": rng.standard_normal((N, 3))}


@pytest.mark.parametrize("name", pair_measures())
def test_shuffles_are_those_of_shuffled_samples(name):
    each = pair_measures()[name]
    sources, targets = layers()
    together = {f"s{key}": x for key, x in sources.items()} | {f"t{key}": x for key, x in targets.items()}
    shuffles = draw_shuffles(N, np.arange(N), 2, 0)
    gathered = gather(lambda own: check_request(together, k=K, metric=own), "euclidean", each.needs, "test")
    shuffled = prepare_shuffles(gathered, "euclidean", 2, shuffles)
    for place, order in enumerate(shuffles):
        moved = {key: x[order] if key.startswith("t") else x for key, x in together.items()}
        expected = measure(moved, (each,), k=K)[name].values[..., :2, 2:]
        found = each.formula(shuffled.statistics(place))[..., :2, 2:]
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


def test_what_is_alike_is_found_and_what_is_not_is_not():
    sources, targets = layers()
    found = calibrate(
        sources, targets, ("information_imbalance", "mutual_knn", "procrustes"), k=(1, K), n_permutations=199
    )
    assert found.mutual_knn_calibrated.dims == ("k", "source", "target")
    assert found.procrustes_calibrated.dims == ("source", "target")
    for name in ("information_imbalance", "procrustes"):
        at = found[name + "_p"] if name == "procrustes" else found[name + "_p"].sel(k=K)
        scores = found[name + "_calibrated"] if name == "procrustes" else found[name + "_calibrated"].sel(k=K)
        assert float(at.sel(source="x", target="noisy")) == 1 / 200
        assert float(scores.sel(source="x", target="noisy")) > 0.1
        assert float(at.sel(source="x", target="other")) > 0.02
        over = found[name + "_over_layers_p"]
        assert float((over if name == "procrustes" else over.sel(k=K)).sel(over="best")) < 0.02
        corrected = found[name + "_p_corrected"]
        assert (corrected >= found[name + "_p"]).all()


def test_equal_layers_score_one():
    x = layers()[0]["x"]
    found = calibrate([x], [x @ np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]],
                      ("information_imbalance", "cka", "gulp", "mutual_knn"), k=2, n_permutations=50)  # fmt: skip
    for name in ("information_imbalance", "cka", "gulp", "mutual_knn"):
        assert float(found[f"{name}_calibrated"].max()) == pytest.approx(1, abs=1e-9)


def test_the_best_of_many_is_held_against_the_best_of_many():
    rng = np.random.default_rng(1)
    sources = [rng.standard_normal((40, 3)) for _ in range(6)]
    targets = [rng.standard_normal((40, 3)) for _ in range(6)]
    found = calibrate(sources, targets, "mutual_knn", k=3, n_permutations=199)
    best = found.mutual_knn_over_layers.sel(k=3, over="best")
    assert float(best) == float(found.mutual_knn.max())
    assert float(found.mutual_knn_over_layers_p.sel(k=3, over="best")) > 0.1
    # The best of chance is above chance.
    thresholds = found.mutual_knn_over_layers_threshold.sel(k=3, over="best"), found.mutual_knn_threshold.mean()
    assert float(thresholds[0]) > float(thresholds[1])


def test_the_same_seed_gives_the_same_shuffles():
    sources, targets = layers()
    first, again, other = (
        calibrate(sources, targets, "mean_cca", n_permutations=20, seed=seed).mean_cca_threshold.values
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_thresholds_and_p_values_of_draws():
    draws = np.arange(99.0)[:, None]
    found = against_draws(np.array([94.5]), draws, 0.05)
    assert found.p_value[0] == pytest.approx(5 / 100)
    assert found.threshold[0] == 94.0
    assert against_draws(np.array([94.0]), draws, 0.05).p_value[0] == pytest.approx(6 / 100), "ties count"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"measures": "hsic"}, "expected a measure with a value that equal layers have"),
        ({"measures": "participation_ratio"}, "of one layer"),
        ({"null": "bootstrap"}, "null"),
        ({"level": 0.0}, "expected level between 0 and 1"),
        ({"level": 1.5}, "expected level between 0 and 1"),
        ({"correction": "bonferroni"}, "correction"),
        ({"n_permutations": 0}, "n_permutations"),
    ],
    ids=str,
)
def test_bad_calls(options, said):
    sources, targets = layers()
    with pytest.raises(ValueError, match=said):
        calibrate(sources, targets, **options)


def test_memory():
    check_dense(1000, 10, 80_000_000)
    with pytest.raises(
        ValueError, match=r"all pairs of samples to fit 1,000,000 bytes, .* in 10 layers take 80,000,000"
    ):
        check_dense(1000, 10, 1_000_000)


def test_too_few_samples_for_moments():
    with pytest.raises(ValueError, match="at least 6 samples for moments over pairings, got 5"):
        calibrate([np.eye(5)], measures="cka")


def test_sets_of_different_samples():
    with pytest.raises(ValueError, match="all layers must describe the same samples"):
        calibrate([np.eye(8)], [np.eye(9)])
