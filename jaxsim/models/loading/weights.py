"""The weight table: which tensor of a checkpoint becomes which Flax variable, with every one accounted for."""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

Transform = Callable[[np.ndarray], Any]

# Index buffers and counters that old files carry and no model needs.
KNOWN_EXTRAS = ("*num_batches_tracked", "*position_ids", "*relative_position_index", "*relative_coords_table")


def as_is(tensor: np.ndarray) -> np.ndarray:
    """Returns the tensor unchanged."""
    return tensor


def linear_kernel(tensor: np.ndarray) -> np.ndarray:
    """Turns torch's linear weight (out, in) into Flax's kernel (in, out)."""
    if tensor.ndim != 2:
        raise ValueError(f"expected a matrix (out, in), got shape {tensor.shape}")
    return tensor.T


def conv_kernel(tensor: np.ndarray) -> np.ndarray:
    """Turns torch's convolution weight OIHW (depthwise too) into Flax's HWIO."""
    if tensor.ndim != 4:
        raise ValueError(f"expected a convolution weight (out, in, h, w), got shape {tensor.shape}")
    return tensor.transpose(2, 3, 1, 0)


@dataclasses.dataclass(frozen=True)
class Rule:
    """One line of the weight table.

    Attributes:
        source: Checkpoint name, `{i}` standing for digits: `"encoder.layer.{i}.norm1.weight"`.
        targets: Flax path for each result: `"block{i:02d}/norm1/scale"`. Relative to `params` unless it
            starts with `batch_stats/`. Several targets: `transform` returns as many arrays.
        transform: From the checkpoint's array to the variable(s).

    Example:
        >>> Rule("layer.{i}.weight", ("block{i:02d}/kernel",), linear_kernel).match("layer.3.weight")
        ('params/block03/kernel',)
    """

    source: str
    targets: tuple[str, ...]
    transform: Transform = as_is

    def match(self, name: str) -> tuple[str, ...] | None:
        """Returns the full paths of the variables that tensor `name` becomes, or None."""
        parts = re.split(r"\{(\w+)\}", self.source)
        pattern = "".join(rf"(?P<{p}>\d+)" if i % 2 else re.escape(p) for i, p in enumerate(parts))
        found = re.fullmatch(pattern, name)
        if found is None:
            return None
        numbers = {key: int(value) for key, value in found.groupdict().items()}
        paths = (target.format(**numbers) for target in self.targets)
        return tuple(p if p.startswith(("batch_stats/", "params/")) else f"params/{p}" for p in paths)


def param(source: str, target: str, transform: Transform = as_is) -> list[Rule]:
    """Returns the rule for one tensor that becomes one variable."""
    return [Rule(source, (target,), transform)]


def linear(source: str, target: str) -> list[Rule]:
    """Rules for a torch `Linear` (with or without bias)."""
    return [
        Rule(f"{source}.weight", (f"{target}/kernel",), linear_kernel),
        Rule(f"{source}.bias", (f"{target}/bias",)),
    ]


def fused_linear(source: str, targets: Iterable[str]) -> list[Rule]:
    """Rules for one torch `Linear` whose outputs are several layers side by side (a fused qkv)."""
    targets = tuple(targets)
    return [
        Rule(
            f"{source}.weight",
            tuple(f"{t}/kernel" for t in targets),
            lambda w: np.split(linear_kernel(w), len(targets), axis=1),
        ),
        Rule(f"{source}.bias", tuple(f"{t}/bias" for t in targets), lambda b: np.split(b, len(targets), axis=0)),
    ]


def conv(source: str, target: str) -> list[Rule]:
    """Rules for a torch `Conv2d`, grouped or not."""
    return [
        Rule(f"{source}.weight", (f"{target}/kernel",), conv_kernel),
        Rule(f"{source}.bias", (f"{target}/bias",)),
    ]


def norm(source: str, target: str) -> list[Rule]:
    """Rules for a torch `LayerNorm` or `GroupNorm`."""
    return [Rule(f"{source}.weight", (f"{target}/scale",)), Rule(f"{source}.bias", (f"{target}/bias",))]


def batch_norm(source: str, target: str) -> list[Rule]:
    """Rules for a torch `BatchNorm2d` with its running statistics."""
    return [
        *norm(source, target),
        Rule(f"{source}.running_mean", (f"batch_stats/{target}/mean",)),
        Rule(f"{source}.running_var", (f"batch_stats/{target}/var",)),
    ]


@dataclasses.dataclass(frozen=True)
class WeightTable:
    """All rules of a family.

    Attributes:
        rules: See `Rule`; several rules may name the same target for different spellings of a checkpoint.
        prefixes: Optional prefixes stripped from checkpoint names, tried in this order, one per name.
        extras: Patterns (`fnmatch`, after stripping) of tensors that may stay unused: heads of other tasks.
    """

    rules: tuple[Rule, ...]
    prefixes: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()

    def stripped(self, name: str) -> str:
        """Returns a checkpoint name without its optional prefix."""
        for prefix in self.prefixes:
            if name.startswith(prefix):
                return name.removeprefix(prefix)
        return name

    def targets(self, name: str) -> tuple[Rule, tuple[str, ...]] | None:
        """Returns the rule and the variable paths for a checkpoint name."""
        short = self.stripped(name)
        for rule in self.rules:
            paths = rule.match(short)
            if paths is not None:
                return rule, paths
        return None

    def is_extra(self, name: str) -> bool:
        """Returns whether the tensor may stay unused."""
        short = self.stripped(name)
        return any(fnmatch.fnmatchcase(short, pattern) for pattern in (*self.extras, *KNOWN_EXTRAS))


def convert_weights(
    table: WeightTable,
    expected: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    read: Callable[[str], np.ndarray],
    where: str,
) -> dict[str, Any]:
    """Turns a checkpoint into a Flax variables dict.

    Every expected variable is assigned exactly once, every tensor used or known to be unneeded.

    Args:
        table: The family's rules.
        expected: Abstract variables, from `jax.eval_shape` of the module's `init`.
        shapes: Shape of each tensor of the checkpoint.
        read: Returns a tensor by name.
        where: What to call the checkpoint in messages.

    Returns:
        Variables (`{"params": ..., "batch_stats": ...}`) as float32 NumPy arrays.

    Raises:
        ValueError: Counts all missing, unknown, doubly assigned and wrongly shaped tensors and tensors that hold no
            floating-point numbers, and names the first ten.
    """
    leaves: dict[str, Any] = dict(flatten_dict(dict(expected), sep="/"))
    wanted = {path: tuple(leaf.shape) for path, leaf in leaves.items()}
    found: dict[str, np.ndarray] = {}
    origin: dict[str, str] = {}
    problems: list[str] = []
    most = 4 * sum(math.prod(shape) for shape in wanted.values()) + 4096
    for name in sorted(shapes):
        line = table.targets(name)
        if line is None or not all(path in wanted for path in line[1]):
            if not table.is_extra(name):
                reason = "unknown" if line is None else f"no place for {', '.join(line[1])} in this configuration"
                problems.append(f"unexpected tensor {name}: {reason}")
            continue
        rule, paths = line
        twice = [path for path in paths if path in origin]
        if twice:
            problems.append(f"{name} and {origin[twice[0]]} both give {twice[0]}")
            continue
        origin.update(dict.fromkeys(paths, name))
        if math.prod(shapes[name]) > most:
            problems.append(f"wrong shape: {name} is {tuple(shapes[name])}, more than all that the model needs")
            continue
        tensor = read(name)
        if not jnp.issubdtype(tensor.dtype, jnp.floating) or tensor.dtype.itemsize < 2:
            problems.append(f"{name} is {tensor.dtype}; expected floating-point numbers of 16, 32 or 64 bits")
            continue
        try:
            result = rule.transform(tensor)
        except (ValueError, IndexError) as error:
            problems.append(f"wrong shape: {name} is {tensor.shape}: {error}")
            continue
        arrays = (result,) if len(paths) == 1 and isinstance(result, np.ndarray) else tuple(result)
        for path, array in zip(paths, arrays, strict=True):
            if array.shape != wanted[path]:
                problems.append(
                    f"wrong shape: {name} is {tensor.shape}, which gives {array.shape} for {path}; "
                    f"the configuration needs {wanted[path]}"
                )
            found[path] = np.ascontiguousarray(array, dtype=np.float32)
    problems += [f"missing tensor for {path} {wanted[path]}" for path in wanted if path not in origin]
    if problems:
        more = f"\n  and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise ValueError(
            f"{where}: the weights do not fit the configuration, {len(problems)} problem(s):\n  "
            + "\n  ".join(problems[:10])
            + more
            + "\nCheck that configuration and weights belong together."
        )
    return unflatten_dict({tuple(path.split("/")): array for path, array in found.items()})


def hash_weights(variables: Mapping[str, Any]) -> str:
    """Returns the SHA-256 (hex) over names, shapes, dtypes and bytes of a variables dict.

    Example:
        >>> len(hash_weights({"params": {"a": np.zeros(2, np.float32)}}))
        64
    """
    digest = hashlib.sha256()
    for path, leaf in sorted(flatten_dict(dict(variables), sep="/").items()):
        array = np.ascontiguousarray(leaf)
        digest.update(f"{path} {array.shape} {array.dtype}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
