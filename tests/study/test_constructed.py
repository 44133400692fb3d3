"""The constructed study is one: its floor, its changes and distances, its marks."""

import numpy as np
import pytest

from jaxsim.study.constructed import constructed_study


@pytest.fixture(scope="module")
def study():
    return constructed_study({"a": 4, "b": 9, "c": 5}, k=(1, 10), n_samples=300)


def test_results_have_the_floor_on_the_diagonal(study):
    results, _, _ = study
    own = np.diagonal(results["imbalance"].values, axis1=1, axis2=2)
    np.testing.assert_allclose(own, np.repeat([[2 / 300], [11 / 300]], 18, axis=1))
    assert (results["imbalance"] >= results["floor"]).all()
    assert results["source"].values.tolist() == results["target"].values.tolist()


def test_changes_and_distances_are_cells_of_the_results(study):
    results, smoothness, between = study
    for place in range(smoothness.sizes["change"]):
        row = smoothness.isel(change=place)
        start, stop = (f"{row['model'].item()}/{row[side].item()}" for side in ("step_from", "step_to"))
        there, back = (
            results["imbalance"].sel(source=start, target=stop),
            results["imbalance"].sel(source=stop, target=start),
        )
        np.testing.assert_allclose(row["mean"], (there.values + back.values) / 2)
        np.testing.assert_allclose(row["forward"], there)
    assert between["pair"].values.tolist() == ["a | b", "a | c", "b | c"]
    one = between.sel(pair="a | c").isel(t=10, k=1)
    cell = {"source": f"a/{one['nearest_a'].item()}", "target": f"c/{one['nearest_b'].item()}"}
    back = {"source": cell["target"], "target": cell["source"]}
    pair = (results["imbalance"].isel(k=1).sel(cell) + results["imbalance"].isel(k=1).sel(back)) / 2
    assert one["distance"].item() == pytest.approx(pair.item())
    assert between.sizes["match"] == 18 * 2


def test_marks_and_gaps_are_where_they_should_be(study):
    _, smoothness, _ = study
    marked = smoothness["model"].values[smoothness["marked"].values]
    assert set(marked.tolist()) == {"b"}
    beyond = smoothness["t"].values + smoothness["fixed_step"].attrs["h"] > 1 + 1e-9
    assert np.isnan(smoothness["fixed_step"].values[..., beyond]).all()
    assert np.isfinite(smoothness["fixed_step"].values[..., ~beyond]).all()


def test_a_model_of_one_step_is_refused():
    with pytest.raises(ValueError, match="at least 2 steps"):
        constructed_study({"a": 1})
