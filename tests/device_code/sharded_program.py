# ruff: noqa: E402
"""Run by test_devices in processes of their own: all pairs on several devices, compared with one device.

Usage: sharded_program.py PROCESS_ID N_PROCESSES PORT [NUMBERS_OF_DEVICES [few] | die-before | die-within]
"""

import os
import sys

import jax

process, n_processes, port = (int(v) for v in sys.argv[1:4])
if n_processes > 1:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{port}", n_processes, process, heartbeat_timeout_seconds=60)

from dataclasses import replace
from itertools import product

import numpy as np
from jaxsim_kernels import Options, Placement, all_pairs, make_placement, median_distances, memory
from jaxsim_kernels.prepare import prepare_layer
from jaxsim_kernels.programs import strip_program

rng = np.random.default_rng(5)
x = rng.standard_normal((1300, 24)).astype(np.float32)
x[700:720] = x[:20]
wide = rng.standard_normal((1300, 100)).astype(np.float32) * np.arange(1, 101, dtype=np.float32) ** -0.4 + 0.5
layers = [x, x[:, :7] + 10, np.round(x[:, :3]), wide]
few = "few" in sys.argv
if few:
    layers = layers[2:]
options = Options(ks=(1, 4))
alone = all_pairs(layers, options=options, placement=Placement(device=jax.local_devices()[0]))
sides = np.arange(1300)[None] // np.array([[1], [2]]) % 2 == 1
groups = np.arange(1300) // 4
halved = Options(ks=(1, 4), keep_neighbours=True)
alone_device = Placement(device=jax.local_devices()[0])
alone_halves = all_pairs(layers, options=halved, placement=alone_device, sides=sides)
if not few:
    alone_medians = median_distances(layers, "euclidean", alone_device)
    alone_grouped = all_pairs(layers, options=halved, placement=alone_device, sides=sides, groups=groups)
# Of several blocks, so that the others are needed after the first.
in_blocks = replace(options, budget=4_000_000)
if "die-before" in sys.argv and process == 1:
    sys.exit(9)
if "die-within" in sys.argv and process == 1:
    # As a crash does it: without a word to the others.
    all_pairs(layers, options=in_blocks, placement=make_placement(), progress=lambda *_: os._exit(9))
if {"die-before", "die-within"} & set(sys.argv):
    all_pairs(layers, options=in_blocks, placement=make_placement())
    sys.exit(0)
if n_processes > 1:
    # Machines of different memory: the least counts, or the plans would differ, which is refused.
    own_budget, memory.default_budget = memory.default_budget, lambda *_: (process + 1) * 4_000_000
    assert all_pairs(layers, options=options, placement=make_placement()).plan.n_bytes <= 4_000_000
    memory.default_budget = own_budget
counts = [jax.device_count()] if n_processes > 1 else [int(n) for n in sys.argv[4].split(",")]
for n_devices in counts:
    placement = make_placement(n_devices)
    if n_devices > 1:
        layer = prepare_layer(x, "euclidean", 1536 * n_devices, placement.place)
        shards = {shard.data.shape for shard in layer.features.addressable_shards}
        assert shards == {(512 * 3, 32)}, shards
        assert len(layer.features.addressable_shards) == jax.local_device_count() or n_processes == 1
        strip, *_ = strip_program(placement, 2, "highest")(
            layer.features, layer.half_norms, np.arange(8, dtype=np.int32)
        )
        assert {shard.data.shape for shard in strip.addressable_shards} == {(8, 512 * 3)}
    for passes, sharded in product(("one-pass", "two-pass"), ("rows", "columns") if n_devices > 1 else (None,)):
        wanted = Options(ks=(1, 4), passes=passes, sharded=sharded)
        found = all_pairs(layers, options=wanted, placement=placement)
        assert found.plan.sharded == (sharded or "columns")
        for name in ("values", "standard_error", "tied_neighbours", "tied_ranks"):
            np.testing.assert_array_equal(getattr(found, name), getattr(alone, name), err_msg=f"{n_devices} {name}")
    halves = all_pairs(layers, options=halved, placement=placement, sides=sides)
    assert halves.plan.sharing == (n_devices == 1)
    np.testing.assert_array_equal(halves.halves, alone_halves.halves)
    np.testing.assert_array_equal(halves.half_neighbours, alone_halves.half_neighbours)
    if n_devices > 1:
        alone_norms = np.asarray(prepare_layer(x, "euclidean", 1536).half_norms)
        for shard in layer.half_norms.addressable_shards:
            # The very bits: a score that ties but for rounding would change places with the number of devices.
            same = alone_norms[shard.index[0]]
            np.testing.assert_array_equal(np.asarray(shard.data)[: len(same)], same)
    if few:
        continue
    if n_devices > 1:
        by_rows = replace(halved, sharded="rows", keep_rows=True)
        found = all_pairs(layers, options=by_rows, placement=placement, groups=groups)
        # Rows weigh differently, and blocks of other rows add up in another order.
        np.testing.assert_allclose(found.values, alone_grouped.values, rtol=1e-13)
        # The variance is a difference of two such sums, nearly equal where all rows rank alike.
        np.testing.assert_allclose(found.standard_error, alone_grouped.standard_error, rtol=1e-7, atol=1e-9)
        np.testing.assert_array_equal(found.neighbours, alone_grouped.neighbours)
    np.testing.assert_allclose(median_distances(layers, "euclidean", placement), alone_medians, rtol=1e-6)
    grouped = all_pairs(layers, options=halved, placement=placement, sides=sides, groups=groups)
    for name in ("values", "halves"):
        np.testing.assert_allclose(getattr(grouped, name), getattr(alone_grouped, name), rtol=1e-13)
if n_processes == 1:
    least = all_pairs([x[:5], x[5:10]], placement=make_placement(8))
    np.testing.assert_array_equal(least.values, all_pairs([x[:5], x[5:10]]).values)
print("equal", process, jax.device_count())
