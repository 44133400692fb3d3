"""Makes this fixture: `python make.py PATH/TO/scenic/projects/baselines/clip/layers.py`.

Scenic's CLIP with random weights, saved as the msgpack file of a training state, and the states of its vision
tower on random images. `layers.py` needs only jax and flax.
"""

import json
import runpy
import sys
from pathlib import Path

import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np

SEED = 1501
MODEL = {
    "vocab_size": 12,
    "embed_dim": 10,
    "text_features": 8,
    "text_num_layers": 1,
    "text_num_heads": 2,
    "vision_features": 32,
    "vision_num_layers": 2,
    "vision_head_dim": 8,
    "vision_patch_size": 8,
}


def main(layers: str) -> None:
    """Writes checkpoint, inputs, expected states and config beside this file."""
    here = Path(__file__).parent
    model = runpy.run_path(layers)["CLIP"](**MODEL)
    rng = np.random.default_rng(SEED)
    images = rng.standard_normal((2, 32, 40, 3)).astype(np.float32)
    text = jnp.asarray([[1, 5, 11, 0], [2, 11, 0, 0]])
    with jax.default_matmul_precision("highest"):
        variables = model.init(jax.random.key(SEED), images, text)
        params = jax.tree.map(
            lambda leaf: np.asarray(leaf + 0.2 * rng.standard_normal(leaf.shape), np.float32), variables["params"]
        )
        _, kept = model.apply({"params": params}, images, text, capture_intermediates=True)
    visual = kept["intermediates"]["visual"]
    blocks = visual["transformer"]
    expected = {
        "embeddings": visual["ln_pre"]["__call__"][0],
        **{f"block_{i}": blocks[f"resblocks.{i}"]["__call__"][0] for i in range(MODEL["vision_num_layers"])},
        "pooled": visual["ln_post"]["__call__"][0],
        "image_embeds": visual["proj"]["__call__"][0],
    }
    state = {"params": params, "opt_state": {"0": {"mu": params}}, "global_step": 7, "model_state": {}, "rng": None}
    (here / "msgpack").mkdir(exist_ok=True)
    (here / "msgpack" / "checkpoint_7").write_bytes(flax.serialization.to_bytes(state))
    np.save(here / "inputs.npy", images)
    np.savez(here / "expected.npz", **expected)
    config = {"model": MODEL, "checkpoint": {"files": {"msgpack": "msgpack/checkpoint_7"}, "image_size": [32, 40]}}
    (here / "config.json").write_text(json.dumps(config, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
