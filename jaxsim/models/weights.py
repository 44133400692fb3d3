"""The weight table: which checkpoint tensor becomes which Flax variable, checked without exceptions."""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import ml_dtypes
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxsim.models.problem_list import listed

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
        source: checkpoint name, `{i}` standing for digits: `"encoder.layer.{i}.norm1.weight"`.
        targets: Flax path for each result: `"block{i:02d}/norm1/scale"`. Relative to `params` unless it
            starts with `batch_stats/`. Several targets: `transform` returns as many arrays.
        transform: from the checkpoint's array to the variable(s).

    Example:
        >>> Rule("layer.{i}.weight", ("block{i:02d}/kernel",), linear_kernel).match("layer.3.weight")
        ('params/block03/kernel',)
    """

    source: str
    targets: tuple[str, ...]
    transform: Transform = as_is

    def match(self, name: str) -> tuple[str, ...] | None:
        """Returns the full paths of the variables that tensor `name` becomes, or None."""
        found = _pattern(self.source).fullmatch(name)
        if found is None:
            return None
        numbers = {key: int(value) for key, value in found.groupdict().items()}
        paths = (target.format(**numbers) for target in self.targets)
        return tuple(p if p.startswith(("batch_stats/", "params/")) else f"params/{p}" for p in paths)


@functools.cache
def _pattern(source: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", source)
    return re.compile("".join(rf"(?P<{p}>[0-9]{{1,9}})" if i % 2 else re.escape(p) for i, p in enumerate(parts)))


def param(source: str, target: str, transform: Transform = as_is) -> list[Rule]:
    """Rule for one tensor that becomes one variable."""
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
        rules: see `Rule`; several rules may name the same target for different spellings of a checkpoint.
        prefixes: optional prefixes stripped from checkpoint names, tried in this order, one per name.
        extras: patterns (`fnmatch`, after stripping) of tensors that may stay unused: heads of other tasks.
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
        """Whether the tensor may stay unused."""
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

    Every expected variable is assigned exactly once, every tensor used or known to be unneeded. No tensor is read
    before all have the shapes that the configuration needs.

    Args:
        table: the family's rules.
        expected: abstract variables, from `jax.eval_shape` of the module's `init`.
        shapes: of the checkpoint's tensors, by name.
        read: returns a tensor by name.
        where: what to call the checkpoint in messages.

    Returns:
        Variables (`{"params": ..., "batch_stats": ...}`) as float32 NumPy arrays.

    Raises:
        ValueError: names missing, unknown, doubly assigned and wrongly shaped tensors (ten, and how many more), or
            those that hold no floating-point numbers.
    """
    leaves: dict[str, Any] = dict(flatten_dict(dict(expected), sep="/"))
    wanted = {path: tuple(leaf.shape) for path, leaf in leaves.items()}
    used: dict[str, tuple[Rule, tuple[str, ...]]] = {}
    origin: dict[str, str] = {}
    unexpected: list[str] = []
    misshapen: list[str] = []
    for name in sorted(shapes):
        line = table.targets(name)
        if line is None or not all(path in wanted for path in line[1]):
            if not table.is_extra(name):
                reason = "unknown" if line is None else f"no place for {_shortened(line[1])} in this configuration"
                unexpected.append(f"unexpected tensor {name}: {reason}")
            continue
        rule, paths = line
        twice = [path for path in paths if path in origin]
        if twice:
            unexpected.append(f"{name} and {origin[twice[0]]} both give {twice[0]}")
            continue
        origin.update(dict.fromkeys(paths, name))
        used[name] = line
        misshapen += _shape_problems(name, shapes[name], rule, paths, wanted)
    missing = [f"missing tensor for {path} {wanted[path]}" for path in wanted if path not in origin]
    _raise_problems(where, unexpected, misshapen, missing)
    found: dict[str, np.ndarray] = {}
    no_floats: list[str] = []
    for name, (rule, paths) in used.items():
        tensor = read(name)
        if not _holds_floats(tensor.dtype):
            no_floats.append(f"{name} is {tensor.dtype}")
        elif not no_floats:
            for path, array in zip(paths, _results(rule, paths, tensor), strict=True):
                found[path] = np.ascontiguousarray(array, dtype=np.float32)
    if no_floats:
        raise ValueError(
            f"{where}: {len(no_floats)} tensor(s) hold no weights:\n{listed(no_floats)}\nExpected float64, float32, "
            "float16 or bfloat16. Turn the model to float32 where it was made and save it again."
        )
    return unflatten_dict({tuple(path.split("/")): array for path, array in found.items()})


def _results(rule: Rule, paths: tuple[str, ...], tensor: np.ndarray) -> tuple[np.ndarray, ...]:
    result = rule.transform(tensor)
    return (result,) if len(paths) == 1 and isinstance(result, np.ndarray) else tuple(result)


def _shape_problems(
    name: str, shape: tuple[int, ...], rule: Rule, paths: tuple[str, ...], wanted: Mapping[str, tuple[int, ...]]
) -> list[str]:
    """Returns what is wrong with a tensor's shape; the tensor is not read."""
    # One number stands for all, so that a transform takes as little memory for a tensor of any shape.
    stand_in = np.broadcast_to(np.float32(0), shape)
    places = sum(math.prod(wanted[path]) for path in paths)
    if stand_in.size > 4 * max(1, places):
        needed = ", ".join(f"{path} {wanted[path]}" for path in paths[:3])
        return [f"wrong shape: {name} is {shape}, far too large for {needed}"]
    try:
        arrays = _results(rule, paths, stand_in)
    except (ValueError, IndexError, TypeError) as error:
        return [f"wrong shape: {name} is {shape}: {error}"]
    if len(arrays) != len(paths):
        return [f"wrong shape: {name} is {shape}, which gives {len(arrays)} arrays for {_shortened(paths)}"]
    return [
        f"wrong shape: {name} is {shape}, which gives {array.shape} for {path}; the configuration needs {wanted[path]}"
        for path, array in zip(paths, arrays, strict=True)
        if array.shape != wanted[path]
    ]


def _raise_problems(where: str, *kinds: list[str]) -> None:
    """Raises with the first problems of each kind in turn, so that none hides the others."""
    turns = itertools.chain.from_iterable(itertools.zip_longest(*kinds))
    problems = [problem for problem in turns if problem is not None]
    if problems:
        raise ValueError(
            f"{where}: the weights do not fit the configuration, {len(problems)} problem(s):\n{listed(problems)}\n"
            "Check that config.json belongs to this weight file."
        )


def _shortened(paths: tuple[str, ...]) -> str:
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def _holds_floats(dtype: np.dtype) -> bool:
    return dtype in (np.float64, np.float32, np.float16) or dtype == ml_dtypes.bfloat16


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
        digest.update(array.reshape(-1).view(np.uint8))
    return digest.hexdigest()
