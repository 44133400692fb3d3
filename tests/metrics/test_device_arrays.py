"""Arrays that lie on devices are used there; the host only looks at them."""

import jax.numpy as jnp
import numpy as np
import pytest
from jaxsim_kernels import Placement, prepare
from jaxsim_kernels.prepare import prepare_layer

import jaxsim
from jaxsim.metrics import DegenerateLayerWarning, TieWarning, reading


@pytest.fixture
def elsewhere(monkeypatch):
    """Arrays of the CPU as if the host could not read them in place."""
    monkeypatch.setattr(reading, "HOST_PLATFORMS", ())


@pytest.fixture(scope="module")
def layers():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(1100, d)).astype(np.float32) for d in (5, 16)]


def test_the_same_bits_as_from_the_host(layers):
    for x in (layers[0], layers[1], layers[0].astype(np.float16)):
        host = prepare_layer(x, "euclidean", 1536, Placement().place)
        device = prepare_layer(jnp.asarray(x), "euclidean", 1536, Placement().place)
        np.testing.assert_array_equal(device.features, host.features)
        np.testing.assert_array_equal(device.half_norms, host.half_norms)
        assert device.scale == host.scale


def test_they_are_prepared_where_they_lie(layers, elsewhere, monkeypatch):
    expected = jaxsim.imbalance_matrix(layers)

    def read(*_):
        raise AssertionError("read by the host to be put on a device again")

    monkeypatch.setattr(prepare, "chunks", read)
    found = jaxsim.imbalance_matrix([jnp.asarray(x) for x in layers])
    np.testing.assert_array_equal(found.values, expected.values)


def test_what_is_wrong_is_named_all_the_same(layers, elsewhere):
    broken = jnp.asarray(layers[0]).at[7, 2].set(jnp.nan)
    with pytest.raises(ValueError, match=r"sample 7"):
        jaxsim.imbalance_matrix({"a": layers[1], "b": broken})
    with pytest.warns(TieWarning), pytest.warns(DegenerateLayerWarning, match="'b' has no variance"):
        jaxsim.imbalance_matrix({"a": layers[1], "b": jnp.ones((1100, 3))})
    whole = jnp.asarray(np.round(1e5 * layers[0]).astype(np.int32))
    np.testing.assert_array_equal(
        jaxsim.imbalance_matrix([whole, layers[1]]).values,
        jaxsim.imbalance_matrix([np.asarray(whole), layers[1]]).values,
    )
