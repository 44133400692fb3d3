"""Probes: held-out predictions against fits of every fold, scores and intervals, known answers, bad calls."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier

from jaxsim.metrics import knn_probe, linear_probe
from jaxsim.metrics.factors import factors_of
from jaxsim.metrics.probes.ridge import held_out
from jaxsim.metrics.probes.scores import share_score


def data(n=120, width=8, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, width)) * np.geomspace(3, 0.1, width) + 5
    y = x[:, :2] @ rng.standard_normal((2, 3)) + 0.5 * rng.standard_normal((n, 3))
    return x, y


@pytest.mark.parametrize("width", [8, 200])
@pytest.mark.parametrize("n_folds", [4, 120])
def test_held_out_predictions_are_those_of_fits_without_the_fold(width, n_folds):
    x, y = data(width=width)
    folds = np.random.default_rng(1).permutation(np.arange(120) % n_folds)
    factors = factors_of(x)
    grid = [1e-2, 1.0]
    found = held_out(factors, y, folds, grid)
    scale = np.mean((factors.singular * factors.unit) ** 2)
    for place, penalty in enumerate(grid):
        for fold in range(min(n_folds, 6)):
            rows = folds == fold
            fit = Ridge(alpha=penalty * scale).fit(x[~rows], y[~rows])
            np.testing.assert_allclose(found[place, rows], fit.predict(x[rows]), rtol=1e-7, atol=1e-7)


def test_a_target_that_a_layer_holds_and_one_that_it_does_not():
    x, y = data()
    noise = np.random.default_rng(9).standard_normal((120, 1))
    found = linear_probe({"x": x, "wrong": noise}, y, baseline=x)
    assert found.attrs["kind"] == "R2"
    assert found.score[0] > 0.6
    assert found.score[1] < 0.05
    assert (found.low < found.score).all()
    assert (found.score < found.high).all()
    # A projection to as many features holds all of it; one to a single feature does not.
    assert found.baseline[0] > 0.6
    assert found.baseline[1] < found.baseline[0]


def test_labels():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 200)
    x = np.eye(4)[codes] + 0.4 * rng.standard_normal((200, 4))
    names = np.array(["a", "b", "c", "d"])[codes]
    found = linear_probe({"x": x, "noise": rng.standard_normal((200, 4))}, names)
    assert found.attrs["kind"] == "accuracy"
    assert found.score[0] > 0.8
    assert abs(found.score[1] - 0.25) < 0.12
    assert found.attrs["chance"] == np.bincount(codes).max() / 200


def test_groups_stay_together():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), 5)
    # A feature that tells the group and nothing else.
    x = rng.standard_normal((40, 30))[groups] + 0.01 * rng.standard_normal((200, 30))
    y = rng.standard_normal((40, 1))[groups]
    assert linear_probe({"x": x}, y).score[0] > 0.5
    found = linear_probe({"x": x}, y, groups=groups)
    assert found.score[0] < 0.3
    alone = linear_probe({"x": x}, y, groups=groups, n_folds=None)
    assert alone.attrs["n_folds"] == 40
    assert alone.score[0] < 0.3
    labels = np.arange(40)[groups] % 2
    assert knn_probe({"x": x}, labels, k=4).score[0, 0] == 1
    assert knn_probe({"x": x}, labels, k=4, groups=groups).score[0, 0] < 0.8


def test_intervals_hold_the_truth():
    inside = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        errors = (rng.random(80) < 0.3).astype(float)
        score = share_score(errors, np.ones(80))
        inside.append(score.low <= 0.7 <= score.high)
    assert np.mean(inside) > 0.9


def test_intervals_of_groups_are_wider():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 10)
    errors = (rng.random(20) < 0.5).astype(float)[groups]
    wide, narrow = share_score(errors, np.ones(200), groups), share_score(errors, np.ones(200))
    assert wide.value == narrow.value
    assert (wide.high - wide.low) > 2.5 * (narrow.high - narrow.low)


@pytest.mark.parametrize("k", [1, 3, 8])
def test_nearest_samples_vote(k):
    rng = np.random.default_rng(k)
    x, labels = rng.standard_normal((90, 3)), rng.integers(0, 2, 90)
    x[:, 0] += labels
    right = []
    for i in range(90):
        others = np.arange(90) != i
        near = KNeighborsClassifier(k).fit(x[others], labels[others]).kneighbors(x[i : i + 1])[1][0]
        votes = labels[others][near]
        counts = np.bincount(votes, minlength=2)
        right.append((votes[0] if counts[0] == counts[1] else counts.argmax()) == labels[i])
    assert float(knn_probe({"x": x}, labels, k=k).score[0, 0]) == pytest.approx(np.mean(right))


@pytest.mark.parametrize(
    ("target", "options", "said"),
    [
        (np.ones(9), {}, "a target for each of the 40 samples, got 9"),
        (np.ones(40), {}, "a target that varies"),
        (np.zeros(40, int), {}, "two classes"),
        (np.full(40, np.nan), {}, "NaN"),
        (np.arange(40.0), {"penalties": ()}, "several positive numbers"),
        (np.arange(40.0), {"penalties": (0.0,)}, "several positive numbers"),
        (np.arange(40.0), {"n_folds": 1}, "n_folds"),
        (np.arange(40.0), {"n_folds": 41}, "at most 40 folds, one for each sample, got 41"),
        (np.arange(40.0), {"groups": np.arange(40) % 3, "n_folds": 4}, "one for each group, got 4"),
        (np.arange(40.0), {"confidence": 1.0}, "confidence"),
        (np.arange(40.0), {"baseline": np.ones((9, 2))}, "same samples"),
        (np.arange(40.0), {"budget": 100}, "singular vectors"),
    ],
    ids=str,
)
def test_bad_calls(target, options, said):
    x = np.random.default_rng(0).standard_normal((40, 3))
    with pytest.raises(ValueError, match=said):
        linear_probe({"x": x}, target, **options)


def test_a_layer_that_does_not_vary():
    with pytest.warns(match="no variance"), pytest.raises(ValueError, match="all samples of 'x' are the same"):
        linear_probe({"x": np.ones((30, 2))}, np.arange(30.0))
