"""What an extraction will take, before it starts."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp

from jaxsim.arguments import check_choice, check_count
from jaxsim.features.narrowing import DTYPES
from jaxsim.features.pooling import check_pools
from jaxsim.features.pools import rows_per_image
from jaxsim.features.step_model import StepModel, check_step_model
from jaxsim.features.step_record import StepRecord, step_records
from jaxsim.wording import counted


@dataclass(frozen=True)
class Estimate:
    """The size of the features of a model.

    Attributes:
        model_name: whose.
        n_samples: images.
        steps: every step with its width after pooling.
        dtype: of the kept features.
        sample_bytes: of one sample, all steps together.
        total_bytes: of all samples, on disk (or in memory, where they are not put on disk).
    """

    model_name: str
    n_samples: int
    steps: tuple[StepRecord, ...]
    dtype: str
    sample_bytes: int
    total_bytes: int

    def check_disk(self, folder: Path) -> None:
        """Raise a ValueError if the disk of an existing folder has not got the room."""
        free = shutil.disk_usage(folder).free
        if self.total_bytes > free:
            raise ValueError(
                f"the features of {self.model_name} take {self.total_bytes / 1e9:.2f} GB "
                f"({counted(self.n_samples, 'sample')}, {counted(self.sample_bytes, 'byte')} each), and the disk of "
                f"{folder} has {free / 1e9:.2f} GB free: take fewer samples, a smaller pool (mean) or another disk"
            )


def estimate(model: StepModel, n_samples: int, *, pool: str = "mean", dtype: str = "float32") -> Estimate:
    """Tell how large the features of a model will be; computes nothing.

    Args:
        model: whose steps.
        n_samples: number of images.
        pool: see `pool_state`.
        dtype: of the kept features.

    Raises:
        ValueError: the pool does not suit a step.

    Example:
        >>> import json, pathlib, tempfile
        >>> from jaxsim.models import load_model
        >>> config = {"model_type": "vit", "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
        ...           "intermediate_size": 16, "image_size": 8, "patch_size": 4}
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "config.json").write_text(json.dumps(config))
        >>> estimate(load_model(folder, init="random", seed=0), 1000, pool="flatten").total_bytes
        640000
    """
    dtype, n_samples = check_choice("dtype", dtype, DTYPES), check_count("n_samples", n_samples, 0)
    check_step_model(model)
    check_pools(model.steps, pool, model.name)
    steps = step_records(model.steps, pool)
    sample_bytes = jnp.dtype(dtype).itemsize * rows_per_image(pool) * sum(step.n_features for step in steps)
    return Estimate(model.name, n_samples, steps, dtype, sample_bytes, sample_bytes * n_samples)
