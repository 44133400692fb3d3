"""Which kernels run is asked for by a word, and only where they serve."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import AbstractDevice, AbstractMesh, use_abstract_mesh
from jaxsim_kernels.accelerator.choice import VARIABLE, chosen_kernels, count_kernels, neighbour_kernels
from jaxsim_kernels.counting import count_below
from jaxsim_kernels.neighbours import nearest

STRIP = jax.ShapeDtypeStruct((8, 512), jnp.float32)


def test_xla_is_the_default_and_the_environment_is_asked(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert chosen_kernels() == "xla"
    monkeypatch.setenv(VARIABLE, "pallas")
    assert chosen_kernels() == "pallas"
    assert chosen_kernels("xla") == "xla"
    assert set(neighbour_kernels(STRIP, 2)) == {"cuda", "tpu"} == set(count_kernels(STRIP, 24))


def test_another_word_is_refused_and_its_source_named(monkeypatch):
    monkeypatch.setenv(VARIABLE, "mosaic")
    with pytest.raises(ValueError, match=f"{VARIABLE} to be one of .*'xla', 'pallas'.*got 'mosaic'"):
        nearest(jnp.zeros((1, 64)), jnp.zeros(64), 1)
    with pytest.raises(ValueError, match="expected kernels to be one of"):
        count_kernels(STRIP, 24, "pallas_")


@pytest.mark.parametrize(
    ("shape", "dtype", "k"), [((8, 512), jnp.float64, 2), ((8, 576), jnp.float32, 2), ((8, 512), jnp.float32, 129)]
)
def test_what_pallas_does_not_serve_is_left_to_xla(shape, dtype, k):
    assert neighbour_kernels(jax.ShapeDtypeStruct(shape, dtype), k, "pallas") == {}


def test_too_many_columns_for_the_counts_of_a_lane_are_left_to_xla():
    assert set(count_kernels(jax.ShapeDtypeStruct((8, 128 << 15), jnp.float32), 24, "pallas")) == {"cuda"}


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@pytest.mark.parametrize("kernels", ["xla", "pallas"])
def test_the_form_of_a_platform_is_what_was_asked_for(platform, kernels):
    """Lowered for a platform that is not here; nothing is compiled."""
    norms, bounds = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((512,), (8, 24)))
    programs = [
        (lambda strip, norms: nearest(strip, norms, 2, 1, kernels), (STRIP, norms)),
        (lambda strip, norms, bounds: count_below(strip, norms, bounds, kernels), (STRIP, norms, bounds)),
    ]
    # Triton's kernels are lowered for a kind of GPU from JAX 0.12 on; the other forms take no notice.
    known = {"device_kind": "NVIDIA H100 80GB HBM3", "num_cores": None, "platform": "gpu"}
    device = AbstractDevice(**{each.name: known[each.name] for each in dataclasses.fields(AbstractDevice)})
    for program, arguments in programs:
        with use_abstract_mesh(AbstractMesh((), (), abstract_device=device)):
            text = jax.jit(program).trace(*arguments).lower(lowering_platforms=(platform,)).as_text()
        call = {"cuda": "triton", "tpu": "tpu_custom_call"}[platform]
        assert (call in text) == (kernels == "pallas")
