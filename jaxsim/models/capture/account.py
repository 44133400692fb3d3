"""Texts for the settings of live modules: the same text in every process, another one for another value."""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import importlib
import types
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))
# Objects in objects in objects: what lies deeper is no setting of a module.
_DEEPEST = 12
# Of transformers' configurations, which its torch modules hold.
_NOT_SETTINGS = ("transformers_version", "name_or_path")


def account(value: Any, depth: int = 0) -> str:
    """Returns a text that is equal for settings that compute the same, as far as these tell.

    Plain values, arrays and containers are told by what they hold, functions by their name if they can be imported by
    it and else by their code and what they close over (which differs between versions of Python), objects by their type
    and their attributes. Addresses and `repr`s of others' making are not in it.

    Args:
        value: anything.
        depth: How deep it lies in what is told.

    Example:
        >>> account({"eps": 1e-6, "sizes": (1, 2), "act": np.tanh})
        "{'act': numpy.tanh, 'eps': 1e-06, 'sizes': [1, 2]}"
        >>> account(lambda x: 2 * x) == account(lambda x: 3 * x)
        False
    """
    if depth > _DEEPEST:
        return "..."

    def inner(part: Any) -> str:
        return account(part, depth + 1)

    if isinstance(value, enum.Enum):
        return f"{_name(type(value))}.{value.name}"
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, np.dtype):
        return str(value)
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return _array(value)
    if hasattr(value, "detach") and hasattr(value, "cpu"):  # torch's, which is not imported here
        return f"{value.dtype} {_array(value.detach().cpu().float().numpy())}"
    if isinstance(value, Mapping):
        parts = sorted(
            (repr(key) if isinstance(key, _PLAIN) else inner(key), inner(each)) for key, each in value.items()
        )
        return "{" + ", ".join(f"{key}: {each}" for key, each in parts) + "}"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(inner(each) for each in value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(inner(each) for each in value) + "]"
    if isinstance(value, type | types.ModuleType):
        return _name(value)
    if isinstance(value, functools.partial):
        return f"partial({inner(value.func)}, {inner(value.args)}, {inner(value.keywords)})"
    if callable(value) and (hasattr(value, "__qualname__") or hasattr(value, "__name__")):
        return _function(value, depth)
    return f"{_name(type(value))}({inner(_attributes(value))})"


def _name(value: Any) -> str:
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "")
    module = getattr(value, "__module__", None)
    return f"{module}.{name}" if module else name


def _array(value: Any) -> str:
    if isinstance(value, jax.Array) and jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    array = np.ascontiguousarray(value)
    if array.dtype == object:
        return f"{array.shape} objects"
    return f"{np.shape(value)} {array.dtype} {hashlib.sha256(array.tobytes()).hexdigest()}"


def _function(function: Any, depth: int) -> str:
    """Returns a function by its name, where that leads to it, or by what it does."""
    bound = getattr(function, "__self__", None)
    if isinstance(function, types.MethodType):
        return f"{account(function.__func__, depth + 1)} of {_name(type(bound))}"
    found: Any = None
    if "<" not in _name(function):
        try:
            found = importlib.import_module(getattr(function, "__module__", None) or "builtins")
            for part in getattr(function, "__qualname__", function.__name__).split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError):
            found = None
    code = getattr(function, "__code__", None)
    if found is function or (code is None and not hasattr(function, "__wrapped__")):
        return _name(function)
    if code is None:
        return f"{_name(type(function))}({account(function.__wrapped__, depth + 1)})"
    cells = [_content(cell) for cell in function.__closure__ or ()]
    told = [_code(code), function.__defaults__, function.__kwdefaults__, cells]
    return f"{_name(function)}({account(told, depth + 1)})"


def _code(code: types.CodeType) -> list[Any]:
    constants = [_code(each) if isinstance(each, types.CodeType) else each for each in code.co_consts]
    return [code.co_code, code.co_names, constants]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _attributes(value: Any) -> dict[str, Any]:
    """Returns the attributes that are settings: all of a dataclass, the plain ones of other objects."""
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value) if field.init}
    plain = (*_PLAIN, list, tuple, dict, np.dtype, type)
    return {
        name: each
        for name, each in sorted(getattr(value, "__dict__", {}).items())
        if isinstance(each, plain) and not name.startswith("_") and name not in _NOT_SETTINGS
    }
