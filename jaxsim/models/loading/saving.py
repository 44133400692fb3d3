"""Writing variables as a Hugging Face directory that `load_model` opens, by the weight table read backwards."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict
from safetensors.numpy import save

from jaxsim.models.loading.weights import Rule, WeightTable, as_is, conv_kernel, linear_kernel

_INVERSES: dict[Callable[..., Any], Callable[[np.ndarray], np.ndarray]] = {
    as_is: lambda array: array,
    linear_kernel: lambda array: array.T,
    conv_kernel: lambda array: array.transpose(3, 2, 0, 1),
}


def checkpoint_tensors(table: WeightTable, variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Variables under the names and in the layouts of a checkpoint.

    Args:
        table: The family's weight table.
        variables: A Flax variables dict.

    Returns:
        Tensor name -> array.

    Raises:
        ValueError: If a variable has no rule, or one that cannot be turned round.

    Example:
        >>> table = WeightTable((Rule("a.weight", ("a/kernel",), linear_kernel),))
        >>> checkpoint_tensors(table, {"params": {"a": {"kernel": np.zeros((2, 3))}}})["a.weight"].shape
        (3, 2)
    """
    flat: dict[str, Any] = dict(flatten_dict(dict(variables), sep="/"))
    return dict(_tensor(table, path, np.asarray(value)) for path, value in flat.items())


def write_checkpoint(
    directory: Path,
    table: WeightTable,
    variables: Mapping[str, Any],
    config: Mapping[str, Any],
    preprocessor_config: Mapping[str, Any],
) -> None:
    """Writes config.json, preprocessor_config.json and model.safetensors.

    Args:
        directory: Made if it is not there.
        table: The family's weight table.
        variables: A Flax variables dict.
        config: What config.json holds.
        preprocessor_config: What preprocessor_config.json holds.

    Example:
        See `jaxsim.training.digits`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    tensors = {name: np.ascontiguousarray(array) for name, array in checkpoint_tensors(table, variables).items()}
    (directory / "model.safetensors").write_bytes(save(tensors, metadata={"format": "pt"}))
    for name, values in (("config.json", config), ("preprocessor_config.json", preprocessor_config)):
        (directory / name).write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")


def _tensor(table: WeightTable, path: str, value: np.ndarray) -> tuple[str, np.ndarray]:
    for rule in table.rules:
        if len(rule.targets) != 1 or rule.transform not in _INVERSES:
            continue
        numbers = _numbers(rule, path)
        if numbers is not None:
            return rule.source.format(**numbers), _INVERSES[rule.transform](value)
    raise ValueError(f"no rule of the weight table turns {path} back into a tensor of a checkpoint.")


def _numbers(rule: Rule, path: str) -> dict[str, int] | None:
    target = rule.targets[0]
    target = target if target.startswith(("batch_stats/", "params/")) else f"params/{target}"
    parts = re.split(r"\{(\w+)(?::[^}]*)?\}", target)
    pattern = "".join(rf"(?P<{p}>\d+)" if i % 2 else re.escape(p) for i, p in enumerate(parts))
    found = re.fullmatch(pattern, path)
    return None if found is None else {name: int(digits) for name, digits in found.groupdict().items()}
