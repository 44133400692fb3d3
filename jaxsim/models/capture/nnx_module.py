"""A live NNX module: a copy of it is run whose modules note their calls."""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxsim.models.capture.account import account
from jaxsim.models.capture.calls import OUTPUT, Call, CallLog, first_array
from jaxsim.models.capture.runner import is_floating, kept_states, trace_state, traced_calls

_EVALUATION = {"deterministic": True, "use_running_average": True}
_PATH = "_captured_path"

Note = Callable[[str, type, Callable[[], Any]], Any]
_note: contextvars.ContextVar[Note | None] = contextvars.ContextVar("note", default=None)


class NNXRunner:
    """Runs an NNX module, as it is now: later changes of its weights are not seen.

    Args:
        module: The module; it is not changed. Its copy runs in evaluation mode (`deterministic`,
            `use_running_average`).
        call: Keyword arguments of the call beside the images.
        method: Name of the method to call instead of `__call__`.
    """

    framework = "nnx"
    jitted = True

    def __init__(self, module: nnx.Module, call: Mapping[str, Any] | None = None, method: str | None = None) -> None:
        self.module = module
        evaluated = nnx.view(module, raise_if_not_found=False, **_EVALUATION)
        self._graph, self.params = nnx.split(evaluated)
        self._call = dict(call or {})
        self._method = method

    def calls(self, shape: Sequence[int]) -> tuple[Call, ...]:
        """Returns every module call on images of a shape; nothing is computed."""

        def trace(opened: bool) -> tuple[Call, ...]:
            log = CallLog()
            images = jax.ShapeDtypeStruct(tuple(shape), jnp.float32)
            jax.eval_shape(lambda params, pixels: self._run(params, pixels, log, opened), self.params, images)
            return log.calls(unrolled=opened)

        return traced_calls(trace)

    def states(self, params: Any, images: Any, wanted: Sequence[Call]) -> tuple[jax.Array, ...]:
        """Returns the states of some calls; pure."""
        log = CallLog([call.name for call in wanted])
        self._run(params, images, log, any(call.unrolled for call in wanted))
        return kept_states(log.kept, wanted)

    def weights(self) -> dict[str, np.ndarray]:
        """Returns every variable's value, keys of random streams as their numbers."""
        leaves, _ = jax.tree_util.tree_flatten_with_path(self.params)
        arrays = {}
        for path, leaf in leaves:
            is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
            arrays[jax.tree_util.keystr(path)] = np.asarray(jax.random.key_data(leaf) if is_key else leaf)
        return arrays

    def structure(self) -> str:
        """Path, class and plain settings of every module."""
        evaluated = nnx.merge(self._graph, self.params)
        lines = [
            f"{_joined(path)} {type(module).__module__}.{type(module).__qualname__} {_settings(module)}"
            for path, module in nnx.iter_modules(evaluated)
        ]
        return "\n".join(lines)

    def untrained(self, seed: int, shape: Sequence[int]) -> NNXRunner:
        """Raises ValueError: an NNX module does not know how it was made."""
        raise ValueError(
            f"{type(self.module).__name__} is an NNX module, which does not say how its weights were drawn: make an "
            "untrained one and capture that"
        )

    def _run(self, params: Any, images: Any, log: CallLog, opened: bool) -> None:
        here = trace_state()

        def note(path: str, module_type: type, call: Callable[[], Any]) -> Any:
            return log.through(
                path,
                module_type,
                call,
                lambda output: first_array(output, is_floating),
                lambda: trace_state() == here,
            )

        model = nnx.merge(self._graph, params)
        for path, module in nnx.iter_modules(model):
            if path and callable(module):
                # The copy is this run's own, so nobody else sees that its modules' class changes. Path and class are
                # part of the graph, so they hold where a transformation takes the module apart and rebuilds it.
                object.__setattr__(module, _PATH, _joined(path))
                object.__setattr__(module, "__class__", _noting(type(module)))
        with jax.disable_jit(opened), _noting_to(note):
            function = model if self._method is None else getattr(model, self._method)
            note(OUTPUT, type(model), lambda: function(images, **self._call))


@functools.cache
def _noting(module_type: type) -> type:
    """Returns a subclass that notes its calls; one for each class, since JAX keeps every NNX class for good."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        note, path = _note.get(), getattr(self, _PATH, None)
        if note is None or path is None:
            return module_type.__call__(self, *args, **kwargs)
        return note(path, module_type, lambda: module_type.__call__(self, *args, **kwargs))

    body = {"__call__": call, "__module__": module_type.__module__, "__qualname__": module_type.__qualname__}
    return type(module_type)(module_type.__name__, (module_type,), body)


@contextlib.contextmanager
def _noting_to(note: Note) -> Iterator[None]:
    token = _note.set(note)
    try:
        yield
    finally:
        _note.reset(token)


def _joined(path: Sequence[Any]) -> str:
    return ".".join(str(part) for part in path)


def _settings(module: nnx.Module) -> str:
    """Returns the attributes that are settings: no modules, no variables, and no initialisers, whose work is done."""
    return account(
        {
            name: value
            for name, value in vars(module).items()
            if not name.startswith("_") and not name.endswith("_init") and not _is_graph(value)
        }
    )


def _is_graph(value: Any) -> bool:
    """Returns whether a value is a part of the graph, or holds one: those are told as modules and weights."""
    leaves = jax.tree.leaves(value, is_leaf=lambda each: isinstance(each, nnx.Module | nnx.Variable | nnx.Rngs))
    return any(isinstance(each, nnx.Module | nnx.Variable | nnx.Rngs) for each in leaves)
