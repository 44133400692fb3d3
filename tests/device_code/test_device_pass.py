"""Blocks as one program each, on a mesh of one device: the numbers of the host's own loops, and nothing is sent."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest
from jaxsim_kernels import Kernel, Options, Placement, Workload, all_pairs, device_pass, make_plan, memory
from jaxsim_kernels.wide_sums import MOST_ADDENDS, carried, wide_sum, wide_sum_of_squares, wide_value


@pytest.fixture(scope="module")
def on_mesh():
    return Placement(mesh=jax.make_mesh((1,), ("samples",)))


@pytest.fixture(scope="module")
def layers():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((1100, 12)).astype(np.float32)
    x[700:720] = x[:20]
    return [x, x[:, :5] + 10, np.round(x[:, :3])]


SAME = ("values", "standard_error", "tied_neighbours", "tied_ranks", "neighbours")


@pytest.mark.parametrize("passes", ["one-pass", "two-pass"])
def test_the_same_integers_as_on_the_host(layers, on_mesh, passes):
    options = Options(ks=(1, 4), passes=passes, keep_neighbours=True)
    some = np.random.default_rng(0).permutation(1100)[:700]
    for queries in (None, some):
        host, device = (all_pairs(layers, queries, options, placement) for placement in (None, on_mesh))
        for name in SAME:
            np.testing.assert_array_equal(getattr(device, name), getattr(host, name), err_msg=name)


@pytest.mark.slow
def test_rows_groups_and_kernels(layers, on_mesh):
    groups = np.arange(1100) // 3
    options = Options(ks=(1, 4), keep_rows=True, keep_neighbours=True)
    for passes in ("one-pass", "two-pass"):
        wanted = Options(ks=(1, 4), keep_rows=True, keep_neighbours=True, passes=passes)
        host, device = (all_pairs(layers, None, wanted, placement, groups=groups) for placement in (None, on_mesh))
        for name in (*SAME, "rows"):
            np.testing.assert_allclose(getattr(device, name), getattr(host, name), rtol=1e-12, err_msg=name)
    kernels = (Kernel("linear"), Kernel("distance"))
    with_kernels = Options(ks=options.ks, kernels=kernels)
    host, device = (all_pairs(layers, None, with_kernels, placement).kernels for placement in (None, on_mesh))
    for own, other in zip(device, host, strict=True):
        np.testing.assert_allclose(own.products, other.products, rtol=1e-6)


def test_the_host_sends_nothing_between_blocks(layers, on_mesh, monkeypatch):
    real, guarded = device_pass._Grid.run, []

    def run(self, *given):
        guarded.append(True)
        with jax.transfer_guard("disallow"):
            return real(self, *given)

    monkeypatch.setattr(device_pass._Grid, "run", run)
    for passes in ("one-pass", "two-pass"):
        all_pairs(layers, options=Options(passes=passes, budget=3_000_000), placement=on_mesh)
    assert len(guarded) == 1 + 2 * len(layers)


@pytest.mark.parametrize(("passes", "where"), [
    ("one-pass", "sending"), ("two-pass", "waiting"),
    pytest.param("one-pass", "waiting", marks=pytest.mark.slow),
    pytest.param("two-pass", "sending", marks=pytest.mark.slow),
])  # fmt: skip
def test_blocks_that_a_device_has_no_memory_for_are_sent_again(layers, on_mesh, monkeypatch, passes, where):
    """Whether it fails when a block is sent or while it is worked on, no row is counted twice."""
    plain = all_pairs(layers, options=Options(ks=(1, 4), passes=passes), placement=on_mesh)
    assert plain.plan.rows == 1024
    calls = []

    def failing_once(real):
        def step(*given):
            calls.append(where)
            if len(calls) == 2:
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 byte")
            return real(*given)

        return step

    monkeypatch.setattr(device_pass._Grid, "ahead", 1)
    if where == "waiting":
        monkeypatch.setattr(device_pass, "wait_for", failing_once(device_pass.wait_for))
    else:
        for name in ("block_program", "rank_program", "neighbour_program"):
            monkeypatch.setattr(device_pass, name, failing_once(getattr(device_pass, name)))
    found = all_pairs(layers, options=Options(ks=(1, 4), passes=passes), placement=on_mesh)
    assert found.plan.rows == 512
    assert any("out of memory" in note for note in found.notes)
    for name in ("values", "standard_error", "tied_neighbours", "tied_ranks"):
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name))


def test_another_error_is_not_taken_for_a_lack_of_memory(layers, on_mesh, monkeypatch):
    def failing(*given):
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")

    monkeypatch.setattr(device_pass, "wait_for", failing)
    with pytest.raises(jax.errors.JaxRuntimeError, match="something else"):
        all_pairs(layers, placement=on_mesh)


class TestWideSums:
    @pytest.mark.parametrize("n", [1, 1000, MOST_ADDENDS])
    def test_against_integers_of_any_width(self, n):
        rng = np.random.default_rng(n)
        values = rng.integers(0, 2**31, (n, 3), dtype=np.int64)
        values[:, 0] = 2**31 - 1
        given = jax.numpy.asarray(values.astype(np.int32))
        exact = [sum(map(int, column)) for column in values.T]
        squares = [sum(int(v) ** 2 for v in column) for column in values.T]
        np.testing.assert_array_equal(wide_value(np.asarray(wide_sum(given))), np.array(exact, float))
        np.testing.assert_array_equal(wide_value(np.asarray(wide_sum_of_squares(given))), np.array(squares, float))

    def test_carrying_again_and_again_changes_no_value(self):
        limbs = jax.numpy.zeros(5, jax.numpy.int32)
        part = wide_sum_of_squares(jax.numpy.full(1000, 2**31 - 1, jax.numpy.int32))
        for _ in range(50):
            limbs = carried(limbs + part)
        assert wide_value(np.asarray(limbs)) == float(50_000 * (2**31 - 1) ** 2)
        assert int(limbs[:-1].max()) < 2**15


class TestMemory:
    def test_what_is_in_use_is_taken_off(self, monkeypatch):
        device = SimpleNamespace(platform="gpu", memory_stats=lambda: {"bytes_limit": 1000, "bytes_in_use": 200})
        assert memory.default_budget(10**6, Placement(device=device)) == 680

    def test_the_device_with_least_counts_for_all(self, monkeypatch):
        class Two(Placement):
            platform, n_devices = "gpu", 4
            local_devices = tuple(
                SimpleNamespace(memory_stats=lambda own=own: {"bytes_limit": own}) for own in (1000, 100)
            )

        assert memory.default_budget(10**6, Two()) == 4 * 85

    def test_larger_blocks_off_the_cpu(self):
        class Gpu(Placement):
            platform = "gpu"

        assert make_plan(Workload(8192, 8192, (64,) * 2, 1), Gpu(), budget=10**9).rows == 4096
        assert make_plan(Workload(8192, 8192, (64,) * 2, 1), budget=10**9).rows == 1024

    def test_two_passes_cost_two_products_on_devices(self, on_mesh):
        work = Workload(4096, 4096, (64,) * 2, 1)
        one, two = (make_plan(work, on_mesh, passes=passes).flops for passes in ("one-pass", "two-pass"))
        assert two == 2 * one
