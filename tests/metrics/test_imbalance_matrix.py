"""The public matrix: labels, shapes, subsampling, inputs on disk, errors, warnings."""

import numpy as np
import pytest

from jaxsim import imbalance_matrix, information_imbalance
from jaxsim.metrics import TieWarning


@pytest.fixture(scope="module")
def layers():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 6))
    return {"pixels": x, "half": x[:, :3], "noise": rng.standard_normal((200, 9))}


def test_values_are_those_of_the_pair_function(layers):
    matrix = imbalance_matrix(layers, k=(1, 4))
    assert matrix.values.shape == matrix.standard_error.shape == (2, 3, 3)
    assert matrix.names == ("pixels", "half", "noise")
    pair = information_imbalance(layers["pixels"], layers["noise"], k=(1, 4))
    np.testing.assert_array_equal(matrix.values[:, 0, 2], pair.forward)
    np.testing.assert_array_equal(matrix.standard_error[:, 2, 0], pair.backward_standard_error)
    assert imbalance_matrix(layers, k=4).values.shape == (3, 3)


def test_xarray_labels(layers):
    data = imbalance_matrix(layers, k=(2, 1)).to_xarray()
    pair = information_imbalance(layers["half"], layers["noise"], k=2)
    assert float(data.imbalance.sel(k=2, source="half", target="noise")) == pair.forward
    assert data.floor.sel(k=1).item() == 2 / 200
    assert data.attrs["n_samples"] == 200


def test_sequences_get_names(layers):
    assert imbalance_matrix(list(layers.values())).names == ("layer00", "layer01", "layer02")


def test_one_layer_is_enough(layers):
    assert imbalance_matrix({"only": layers["half"]}).values.tolist() == [[2 / 200]]


def test_query_subsampling_is_seeded_and_close(layers):
    full = imbalance_matrix(layers)
    part = imbalance_matrix(layers, n_queries=80, seed=1)
    again = imbalance_matrix(layers, n_queries=80, seed=1)
    np.testing.assert_array_equal(part.values, again.values)
    assert (part.values != imbalance_matrix(layers, n_queries=80, seed=2).values).any()
    assert part.n_queries == 80
    off = ~np.eye(3, dtype=bool)
    assert (np.abs(part.values - full.values)[off] < 4 * part.standard_error[off]).all()
    np.testing.assert_array_equal(imbalance_matrix(layers, n_queries=200).values, full.values)


def test_kept_rows_are_those_of_the_queries(layers):
    part = imbalance_matrix(layers, n_queries=50, seed=3, keep_rows=True, k=(1, 2))
    full = imbalance_matrix(layers, keep_rows=True, k=(1, 2))
    np.testing.assert_array_equal(part.rows, full.rows[..., part.queries])


def test_memory_mapped_and_sliced_inputs(layers, tmp_path):
    for name, x in layers.items():
        np.save(tmp_path / f"{name}.npy", x.astype(np.float32))
    mapped = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in layers}

    class OnDisk:
        def __init__(self, array):
            self.array, self.shape, self.dtype, self.rows = array, array.shape, array.dtype, []

        def __getitem__(self, rows):
            return np.asarray(self.array[rows])

    plain = imbalance_matrix({name: x.astype(np.float32) for name, x in layers.items()})
    np.testing.assert_array_equal(imbalance_matrix(mapped).values, plain.values)
    lazy = {name: OnDisk(x) for name, x in mapped.items()}
    np.testing.assert_array_equal(imbalance_matrix(lazy, plan="two-pass").values, plain.values)


def test_verification_is_reported(layers):
    matrix = imbalance_matrix(layers, verify=16)
    assert matrix.verification is not None
    assert matrix.verification.n_rows == 16
    assert matrix.verification.largest_deviation == 0


def test_progress_ends_at_its_total(layers):
    for plan in ("one-pass", "two-pass"):
        seen: list[tuple[int, int]] = []

        def note(done, total, what, seen=seen):
            seen.append((done, total))

        imbalance_matrix(layers, plan=plan, progress=note)
        assert seen[-1][0] == seen[-1][1]
        assert seen == sorted(seen)


def test_ties_warn():
    x = np.random.default_rng(0).integers(0, 2, (100, 4))
    with pytest.warns(TieWarning, match=r"ties=.expected."):
        imbalance_matrix([x, x[:, :2]])


class TestBadInput:
    def test_names_the_layer(self, layers):
        broken = layers | {"bad/step": np.where(np.arange(200)[:, None] == 42, np.nan, 1.0) * np.ones((200, 2))}
        with pytest.raises(ValueError, match=r"'bad/step' holds NaN.*sample 42"):
            imbalance_matrix(broken)
        with pytest.raises(ValueError, match="'pixels' has 200, 'short' has 10"):
            imbalance_matrix(layers | {"short": np.ones((10, 3))})

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"n_queries": 1}, "between 2 and"),
            ({"n_queries": 201}, "between 2 and"),
            ({"plan": "three-pass"}, "'one-pass', 'two-pass'"),
            ({"budget": 10}, "smallest that works"),
            ({"devices": 1000}, "got 1000"),
            ({"metric": "l1"}, "metric must be one of"),
        ],
    )
    def test_options(self, layers, arguments, message):
        with pytest.raises(ValueError, match=message):
            imbalance_matrix(layers, **arguments)

    def test_no_layers(self):
        with pytest.raises(ValueError, match="at least one"):
            imbalance_matrix({})
        with pytest.raises(ValueError, match="mapping"):
            imbalance_matrix("features")
