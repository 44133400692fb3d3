"""Steps placed, grouped and seen in both directions: known configurations come back."""

import numpy as np
import pytest

from jaxsim.study import StepLabel, information_plane, label_imbalance, step_embedding, step_linkage


def labelled(values, models="m", **options):
    per_model = len(values) // len(models)
    labels = [StepLabel(m, f"s{i}", i / max(1, per_model - 1)) for m in models for i in range(per_model)]
    return label_imbalance(np.asarray(values, float), labels, **options)


def test_points_in_a_plane_come_back() -> None:
    points = np.random.default_rng(0).normal(size=(8, 2))
    distance = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    asymmetric = distance + 0.3 * np.sign(np.arange(8)[:, None] - np.arange(8)[None])
    found = step_embedding(labelled(asymmetric, "ab").imbalance).sel(k=1)
    place = found.place.values
    np.testing.assert_allclose(np.sqrt(((place[:, None] - place[None]) ** 2).sum(-1)), distance, atol=1e-9)
    assert found.explained.sum().item() == pytest.approx(1)
    assert found.negative.item() == pytest.approx(0, abs=1e-9)
    assert found.stress.item() == pytest.approx(0, abs=1e-9)
    assert found.model.values.tolist() == ["a"] * 4 + ["b"] * 4
    for axis in range(2):  # deeper steps lie further along each axis
        assert np.cov(found.depth.values, place[:, axis])[0, 1] >= -1e-12


def test_what_is_no_distance_shows_negative_eigenvalues() -> None:
    # The direct way from a to c is longer than the way over b.
    found = step_embedding(labelled([[0, 0.1, 0.9], [0.1, 0, 0.1], [0.9, 0.1, 0]]).imbalance).sel(k=1)
    assert found.negative.item() > 0.1
    assert found.explained.sum().item() == pytest.approx(1 - found.negative.item())
    assert found.eigenvalue.values[0] > 0 > found.eigenvalue.values[-1]
    assert found.stress.item() > 0.1


def test_equal_steps_lie_on_one_place_whatever_the_floor() -> None:
    found = step_embedding(labelled(np.zeros((4, 4)), "ab").imbalance, n_axes=3)
    assert (found.place == 0).all()
    assert found.sizes == {"k": 1, "step": 4, "axis": 3, "component": 4}


def test_k_has_its_own_embedding() -> None:
    values = np.stack([np.full((3, 3), 0.2), np.full((3, 3), 0.4)])
    found = step_embedding(labelled(values[0]).imbalance)
    both = step_embedding(label_imbalance(values, [StepLabel("m", s, 0.5) for s in "abc"], k=(1, 5)).imbalance)
    np.testing.assert_allclose(np.abs(both.place.sel(k=1)), np.abs(found.place.sel(k=1)))
    np.testing.assert_allclose(both.eigenvalue.sel(k=5), 4 * both.eigenvalue.sel(k=1), atol=1e-12)


def test_models_apart_are_groups_of_their_own() -> None:
    values = np.full((6, 6), 0.8)
    values[:3, :3] = values[3:, 3:] = 0.2
    tree = step_linkage(labelled(values, "ab").imbalance).sel(k=1)
    assert tree.linkage.sel(column="height").values.round(6).tolist() == [0.2, 0.2, 0.2, 0.2, 0.8]
    assert {name[0] for name in tree.order.values[:3]} in ({"a"}, {"b"})
    assert sorted(tree.order.values) == sorted(tree.step.values)


def test_the_plane_has_every_pair_of_different_models() -> None:
    values = np.arange(16.0).reshape(4, 4) / 16
    results = labelled(values, "ab", standard_error=values / 100, n_samples=50)
    plane = information_plane(results.imbalance, results.standard_error).sel(k=1)
    assert plane.step_a.values.tolist() == ["a/s0", "a/s0", "a/s1", "a/s1"]
    assert plane.step_b.values.tolist() == ["b/s0", "b/s1", "b/s0", "b/s1"]
    assert plane.forward.values.tolist() == [2 / 16, 3 / 16, 6 / 16, 7 / 16]
    assert plane.backward.values.tolist() == [8 / 16, 12 / 16, 9 / 16, 13 / 16]
    np.testing.assert_allclose(plane.backward_se, plane.backward / 100)
    assert plane.floor.item() == 0.04
    assert information_plane(labelled(values).imbalance).sizes["point"] == 6


def test_bad_settings_are_refused() -> None:
    imbalance = labelled(np.zeros((3, 3))).imbalance
    with pytest.raises(ValueError, match="n_axes between 1 and the 3"):
        step_embedding(imbalance, n_axes=4)
    with pytest.raises(ValueError, match="method to be one of"):
        step_linkage(imbalance, method="ward")
    with pytest.raises(ValueError, match="at least two steps"):
        step_linkage(labelled(np.zeros((1, 1))).imbalance)
