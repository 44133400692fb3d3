"""Run by test_sharding.py with eight simulated devices: states of a batch spread over them, against one device."""

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxsim.models import load_model


def check(source: str) -> None:
    """Compares the states of one model."""
    model = load_model(source)
    images = np.random.default_rng(0).standard_normal((16, *model.image_size, 3)).astype(np.float32)
    expected = model(images)

    mesh = Mesh(np.array(jax.devices()), ("batch",))
    split, copied = NamedSharding(mesh, PartitionSpec("batch")), NamedSharding(mesh, PartitionSpec())
    states = jax.jit(model.apply)(jax.device_put(model.params, copied), jax.device_put(images, split))

    assert list(states) == list(expected)
    for name, state in states.items():
        shapes = {shard.device: shard.data.shape for shard in state.addressable_shards}
        assert set(shapes) == set(jax.devices()), name
        assert set(shapes.values()) == {(2, *state.shape[1:])}, f"{name}: {shapes}"
        error = np.abs(np.asarray(state) - np.asarray(expected[name])).max()
        assert error <= 2e-5 * max(1.0, float(np.abs(expected[name]).max())), f"{name}: {error}"


assert jax.device_count() == 8
for source in ("embedded:vit_digits", "embedded:resnet_digits"):
    check(source)
print("equal and sharded")
