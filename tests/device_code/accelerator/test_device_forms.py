"""A whole block in the forms of GPUs and TPUs, on this CPU, gives the integers of the CPU's forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jaxsim_kernels import Placement
from jaxsim_kernels.accelerator.gpu_counting import counts_by_triton
from jaxsim_kernels.accelerator.gpu_neighbours import nearest_by_triton
from jaxsim_kernels.accelerator.tpu_counting import counts_by_mosaic
from jaxsim_kernels.accelerator.tpu_neighbours import nearest_by_mosaic
from jaxsim_kernels.accelerator.tpu_ranks import counts_of_columns_by_mosaic
from jaxsim_kernels.block_program import BlockForm, Queries, block_program, no_sums
from jaxsim_kernels.scores import half_squared_norms

N, N_PADDED, ROWS, KS = 700, 1024, 24, (1, 5)
KERNELS = (nearest_by_mosaic, nearest_by_triton, counts_by_mosaic, counts_by_triton, counts_of_columns_by_mosaic)


@pytest.fixture(scope="module")
def layers():
    """Features with samples that are there twice, so that ranks tie."""
    rng = np.random.default_rng(0)
    layers = [rng.integers(-4, 5, (N, 12)).astype(np.float32), rng.standard_normal((N, 30)).astype(np.float32)]
    for x in layers:
        x[600:] = x[:100]
    return [jnp.asarray(np.pad(x, ((0, N_PADDED - N), (0, 0)))) for x in layers]


def ranks_of_a_block(layers, norms):
    form = BlockForm(ROWS, KS, False, "highest", (False, False), row_by_row=True)
    samples = jnp.asarray(np.arange(2 * ROWS, dtype=np.int32) * 13 % N)
    queries = Queries(samples, jnp.int32(ROWS), None)
    # Not the cached program: it is made anew in other forms.
    program = block_program.__wrapped__(Placement(), form)
    sums = jax.tree.map(jnp.asarray, no_sums(2, 2, 2))
    _, _, found = program(tuple(layers), norms, None, queries, jnp.int32(0), jnp.zeros((0, 0)), sums)
    return jax.device_get(found)


def interpreted(form):
    """The form, its kernels run step by step."""
    if getattr(form, "func", form) not in KERNELS:
        return form
    return lambda *arguments: form(*arguments, interpret=True)


@pytest.mark.parametrize("kernels", ["xla", "pallas"])
@pytest.mark.parametrize("platform", ["tpu", "cuda"])
def test_a_block_in_forms_of_other_platforms_gives_the_same_integers(monkeypatch, layers, platform, kernels):
    norms = tuple(half_squared_norms(x, N) for x in layers)
    expected = ranks_of_a_block(layers, norms)
    assert any((ranks.tied > 0).any() for ranks in expected.ranks)
    taken = []

    def of_platform(*arguments, default=None, **forms):
        form = forms.get(platform, default)
        taken.append(getattr(form, "func", form))
        return interpreted(form)(*arguments)

    monkeypatch.setenv("JAXSIM_KERNELS", kernels)
    monkeypatch.setattr(lax, "platform_dependent", of_platform)
    found = ranks_of_a_block(layers, norms)
    assert any(form in KERNELS for form in taken) == (kernels == "pallas")
    jax.tree.map(np.testing.assert_array_equal, found, expected)
