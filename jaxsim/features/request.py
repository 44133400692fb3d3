"""What was asked for, so that features on disk are used again only for the same request."""

import importlib.metadata
import json
import platform
from collections.abc import Sequence
from typing import Any

import jax

from jaxsim.data import ImageSource
from jaxsim.features.pools import rows_per_image
from jaxsim.features.step_model import StepModel
from jaxsim.features.step_record import StepRecord
from jaxsim.names import printable

_PACKAGES = (
    "jaxsim-metrics",
    "jax",
    "jaxlib",
    "flax",
    "numpy",
    "pillow",
    "transformers",
    "tensorstore",
    "grain",
)


def describe_request(
    model: StepModel, images: ImageSource, steps: Sequence[StepRecord], pool: str, dtype: str
) -> dict[str, Any]:
    """Return everything that decides the numbers, as a JSON object.

    Name and place of the model and the place of the images are not in it: a folder that was moved is the
    same.

    Args:
        model: whose states.
        images: of which images.
        steps: of the model, under `pool`.
        pool: see `pool_state`.
        dtype: of the stored features.
    """
    several = rows_per_image(pool)
    return _as_json(
        ({"rows_per_image": several} if several > 1 else {})
        | ({"layouts": dict(layouts)} if (layouts := getattr(model, "layouts", None)) is not None else {})
        | {
            "pool": pool,
            "dtype": dtype,
            "granularity": model.granularity,
            "weights_hash": model.weights_hash,
            "computation": {
                key: str(getattr(model.module, key)) for key in ("dtype", "precision") if hasattr(model.module, key)
            },
            "preprocessing": model.preprocessing,
            "steps": [step.to_json() for step in steps],
            "n_images": len(images),
            "sample_ids": list(images.ids),
            "images_fingerprint": images.description["fingerprint"],
        }
    )


def describe_origin(model: StepModel, images: ImageSource, batch_size: int) -> dict[str, Any]:
    """Return what is worth knowing about a run and does not decide the numbers, as a JSON object."""
    return _as_json(
        {
            "model": {key: printable(str(getattr(model, key))) for key in ("name", "family", "source")},
            "images": images.description,
            "batch_size": batch_size,
            "device": {"platform": jax.default_backend(), "kind": jax.devices()[0].device_kind},
            "versions": {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
        }
    )


def first_difference(there: Any, asked: Any, where: str = "") -> str | None:
    """Say where two JSON values first differ and how; None if they are equal.

    Example:
        >>> first_difference({"pool": "mean", "n": 3}, {"pool": "cls", "n": 4})
        "pool is 'mean' there and 'cls' now"
        >>> first_difference({"ids": ["a", "b"]}, {"ids": ["a", "c"]})
        "ids[1] is 'b' there and 'c' now"
    """
    if isinstance(there, dict) and isinstance(asked, dict):
        for key in [*asked, *(key for key in there if key not in asked)]:
            inner = f"{where}.{key}" if where else key
            if key not in there or key not in asked:
                return f"{inner} is {'missing' if key not in there else 'set'} there and not now"
            if found := first_difference(there[key], asked[key], inner):
                return found
        return None
    if isinstance(there, list) and isinstance(asked, list):
        for index, (old, new) in enumerate(zip(there, asked, strict=False)):
            if found := first_difference(old, new, f"{where}[{index}]"):
                return found
        if len(there) != len(asked):
            return f"{where} has {len(there)} entries there and {len(asked)} now"
        return None
    return None if there == asked else f"{where} is {there!r} there and {asked!r} now"


def _as_json(value: dict[str, Any]) -> dict[str, Any]:
    """The value as it will be read back: tuples are lists, keys are texts."""
    return json.loads(json.dumps(value))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
