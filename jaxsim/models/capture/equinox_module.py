"""A live Equinox module: it runs on a copy whose modules note their calls, one image at a time under `vmap`.

Equinox is not imported here: who has one of its modules has imported it.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import functools
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.models.capture.account import account
from jaxsim.models.capture.calls import OUTPUT, Call, CallLog, first_array
from jaxsim.models.capture.runner import is_floating, kept_states, trace_state


class _OfOneImage(NamedTuple):
    """A state without the axis of the batch, which the log is told all the same."""

    array: Any
    batch: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.batch, *self.array.shape)


class _Run(NamedTuple):
    """One forward pass: where each module lies, and how a call is noted."""

    paths: Mapping[int, str]
    note: Any


_run: contextvars.ContextVar[_Run | None] = contextvars.ContextVar("_run", default=None)


class EquinoxRunner:
    """Runs an Equinox module, which takes one image `[C, H, W]`, on each image of a batch.

    Args:
        module: The module; it is not changed. A copy runs, in inference mode (`eqx.nn.inference_mode`).
        call: Keyword arguments of the call beside the image (`key`, `state`), the same for every image.
        method: Name of the method to call instead of the module itself.
    """

    framework = "equinox"
    jitted = True

    def __init__(self, module: Any, call: Mapping[str, Any] | None = None, method: str | None = None) -> None:
        equinox: Any = sys.modules["equinox"]
        self.module = module
        self._combine = equinox.combine
        self.params, self._static = equinox.partition(equinox.nn.inference_mode(module), equinox.is_array)
        self._call = dict(call or {})
        self._method = method

    def calls(self, shape: Sequence[int]) -> tuple[Call, ...]:
        """Returns every module call on images of a shape; nothing is computed."""
        log = CallLog()
        images = jax.ShapeDtypeStruct(tuple(shape), jnp.float32)
        jax.eval_shape(lambda params, pixels: self._run(params, pixels, log, ()), self.params, images)
        return log.calls()

    def states(self, params: Any, images: Any, wanted: Sequence[Call]) -> tuple[jax.Array, ...]:
        """Returns the states of some calls; pure."""
        return self._run(params, jnp.asarray(images), CallLog([call.name for call in wanted]), wanted)

    def weights(self) -> dict[str, np.ndarray]:
        """Returns every array by its place, keys of random streams as their numbers."""
        leaves, _ = jax.tree_util.tree_flatten_with_path(self.params)
        arrays = {}
        for path, leaf in leaves:
            is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
            arrays[jax.tree_util.keystr(path)] = np.asarray(jax.random.key_data(leaf) if is_key else leaf)
        return arrays

    def structure(self) -> str:
        """Returns path, class and settings of every module."""
        model = self._combine(self.params, self._static)
        return "\n".join(
            f"{path} {type(module).__module__}.{type(module).__qualname__} {account(_settings(module))}"
            for path, module in _modules(model, "")
        )

    def untrained(self, seed: int, shape: Sequence[int]) -> EquinoxRunner:
        """Raises ValueError: an Equinox module does not know how it was made."""
        raise ValueError(
            f"{type(self.module).__name__} is an Equinox module, which does not say how its weights were drawn: make "
            "an untrained one and capture that"
        )

    def _run(self, params: Any, images: Any, log: CallLog, wanted: Sequence[Call]) -> Any:
        batch = images.shape[0]

        def of_one_image(image: Any) -> tuple[Any, ...]:
            here = trace_state()
            model = self._combine(params, self._static)
            paths = {}
            for path, module in _modules(model, ""):
                if path and callable(module):
                    # The copy is this run's own, so nobody else sees that its modules' class changes.
                    paths[id(module)] = path
                    object.__setattr__(module, "__class__", _noting(type(module)))

            def first(output: Any) -> _OfOneImage | None:
                array = first_array(output, is_floating)
                return None if array is None else _OfOneImage(array, batch)

            def note(path: str, module_type: type, call: Any) -> Any:
                return log.through(path, module_type, call, first, lambda: trace_state() == here)

            # A copy of the arguments, since a state of Equinox may be used once only.
            told = jax.tree.map(lambda leaf: leaf, self._call)
            with _noting_to(_Run(paths, note)):
                function = model if self._method is None else getattr(model, self._method)
                note(OUTPUT, type(self.module), lambda: function(image, **told))
            return tuple(state.array for state in kept_states(log.kept, wanted))

        return jax.vmap(of_one_image)(images)


@functools.cache
def _noting(module_type: type) -> type:
    """Returns a subclass that notes its calls; one for each class, since JAX keeps every class of modules for good."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        run = _run.get()
        path = None if run is None else run.paths.get(id(self))
        if run is None or path is None:  # a copy that a transformation made
            return module_type.__call__(self, *args, **kwargs)
        return run.note(path, module_type, lambda: module_type.__call__(self, *args, **kwargs))

    body = {"__call__": call, "__module__": module_type.__module__, "__qualname__": module_type.__qualname__}
    return type(module_type)(module_type.__name__, (module_type,), body)


@contextlib.contextmanager
def _noting_to(run: _Run) -> Iterator[None]:
    token = _run.set(run)
    try:
        yield
    finally:
        _run.reset(token)


def _modules(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yields (path, module) for a module and all below it, also those in lists, tuples and dictionaries."""
    equinox: Any = sys.modules["equinox"]
    if isinstance(value, equinox.Module):
        yield path, value
        parts = [(field.name, getattr(value, field.name, None)) for field in dataclasses.fields(value)]
    elif isinstance(value, list | tuple):
        parts = [(str(index), part) for index, part in enumerate(value)]
    elif isinstance(value, Mapping):
        parts = [(str(key), part) for key, part in value.items()]
    else:
        return
    for name, part in parts:
        yield from _modules(part, f"{path}.{name}" if path else name)


def _settings(module: Any) -> dict[str, Any]:
    """Returns the attributes of a module that are no modules and no arrays."""
    equinox: Any = sys.modules["equinox"]

    def is_setting(value: Any) -> bool:
        leaves = jax.tree.leaves(value, is_leaf=lambda each: isinstance(each, equinox.Module))
        return not any(isinstance(each, equinox.Module) or equinox.is_array(each) for each in leaves)

    values = {field.name: getattr(module, field.name, None) for field in dataclasses.fields(module)}
    return {name: value for name, value in values.items() if is_setting(value)}
