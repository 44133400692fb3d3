"""Run by test_accumulators with 8 simulated devices: similarity to a reference, tracked inside a training step."""

import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import NamedSharding, PartitionSpec

from jaxsim.metrics import accumulators, measure

assert jax.device_count() == 8
mesh = jax.make_mesh((8,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
rng = np.random.default_rng(0)
images, wanted = rng.standard_normal((256, 12)).astype(np.float32), rng.standard_normal((12, 3)).astype(np.float32)
targets = images @ wanted
reference = jnp.asarray(rng.standard_normal((12, 7)), jnp.float32)
weights = {"first": jnp.asarray(rng.standard_normal((12, 6)) * 0.3, jnp.float32), "last": jnp.zeros((6, 3))}
optimiser = optax.adam(0.02)


def features(weights, x):
    return jnp.tanh(x @ weights["first"])


def local_step(weights, batch, wanted, state):
    def loss(weights):
        return ((features(weights, batch) @ weights["last"] - wanted) ** 2).mean()

    value, slopes = jax.value_and_grad(loss)(weights)
    seen = accumulators.empty((6, 7))
    seen = accumulators.update(seen, features(weights, batch), jnp.tanh(batch @ reference))
    state = accumulators.merge(state, accumulators.merge_across(seen, "batch"))
    return jax.lax.pmean(value, "batch"), jax.lax.pmean(slopes, "batch"), state


everywhere, along = PartitionSpec(), PartitionSpec("batch")
mapped = jax.shard_map(
    local_step, mesh=mesh, in_specs=(everywhere, along, along, everywhere), out_specs=everywhere, check_vma=False
)


@jax.jit
def step(weights, optimiser_state, state, batch, wanted):
    value, slopes, state = mapped(weights, batch, wanted, state)
    changes, optimiser_state = optimiser.update(slopes, optimiser_state)
    now = accumulators.compute(state, "cka")[0, 1]
    return optax.apply_updates(weights, changes), optimiser_state, state, value, now


optimiser_state, losses = optimiser.init(weights), []
shard = NamedSharding(mesh, along)
for _ in range(20):
    state = accumulators.empty((6, 7))
    kept = []
    for start in range(0, 256, 64):
        batch, goal = (jax.device_put(x[start : start + 64], shard) for x in (images, targets))
        kept.append((np.asarray(features(weights, batch)), np.asarray(jnp.tanh(batch @ reference))))
        weights, optimiser_state, state, value, now = step(weights, optimiser_state, state, batch, goal)
        losses.append(float(value))
    x, y = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    assert float(state.count) == 256
    offline = measure([x, y], ("cka", "procrustes", "mean_cca"))
    assert abs(float(now) - float(offline.cka[0, 1])) < 1e-5
    for name in ("cka", "procrustes", "mean_cca"):
        assert abs(accumulators.compute(state, name)[0, 1] - float(offline[name][0, 1])) < 1e-5, name
assert losses[-1] < 0.5 * losses[0]
print("equal", jax.device_count())
