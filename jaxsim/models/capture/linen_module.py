"""A live Linen module: its calls are seen through Flax's method interceptors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import flax.core
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict

from jaxsim.models.capture.account import account
from jaxsim.models.capture.calls import OUTPUT, Call, CallLog, first_array
from jaxsim.models.capture.runner import is_floating, kept_states, trace_state, traced_calls


class LinenRunner:
    """Runs a Linen module.

    Args:
        module: The module, bound or not.
        variables: All its collections, `{"params": ..., "batch_stats": ...}`; None takes a bound module's own.
        call: Keyword arguments of `apply` beside the images.
        method: Name of the method to call instead of `__call__`.

    Raises:
        ValueError: No variables, or something that does not have a `"params"` collection.
    """

    framework = "linen"
    jitted = True

    def __init__(
        self, module: nn.Module, variables: Any, call: Mapping[str, Any] | None = None, method: str | None = None
    ) -> None:
        if variables is None and module.scope is not None:
            module, variables = module.unbind()
        if variables is None:
            raise ValueError(
                "a Linen module does not hold its weights: pass variables={'params': ...}, "
                "as module.init returns them, or a bound module"
            )
        if not isinstance(variables, Mapping) or "params" not in variables:
            keys = f"the keys {sorted(map(str, variables))[:5]}" if isinstance(variables, Mapping) else "no mapping"
            raise ValueError(
                f"expected variables with a 'params' collection, got {keys}: pass variables={{'params': params}}"
            )
        self.module = module
        self.params: dict[str, Any] = jax.tree.map(jnp.asarray, flax.core.unfreeze(nn.meta.unbox(variables)))
        self._call = dict(call or {})
        self._method = method
        self._called: dict[str, str] = {}

    def calls(self, shape: Sequence[int]) -> tuple[Call, ...]:
        """Returns every module call on images of a shape; nothing is computed."""
        called: dict[str, str] = {}

        def trace(opened: bool) -> tuple[Call, ...]:
            log = CallLog()
            images = jax.ShapeDtypeStruct(tuple(shape), jnp.float32)
            jax.eval_shape(lambda params, pixels: self._run(params, pixels, log, opened, called), self.params, images)
            return log.calls(unrolled=opened)

        found = traced_calls(trace)
        # Images of other sizes may call other modules; the account is that of the model as it was captured.
        self._called = self._called or called
        return found

    def states(self, params: Any, images: Any, wanted: Sequence[Call]) -> tuple[jax.Array, ...]:
        """Returns the states of some calls; pure."""
        log = CallLog([call.name for call in wanted])
        self._run(params, images, log, any(call.unrolled for call in wanted))
        return kept_states(log.kept, wanted)

    def weights(self) -> dict[str, np.ndarray]:
        """Returns every array of every collection."""
        return {name: np.asarray(leaf) for name, leaf in flatten_dict(self.params, sep="/").items()}

    def structure(self) -> str:
        """Class and attributes of the module, and of every module that it called when it was captured."""
        told = {"": _told(self.module), **self._called}
        return "\n".join(f"{path} {settings}" for path, settings in sorted(told.items()))

    def untrained(self, seed: int, shape: Sequence[int]) -> LinenRunner:
        """Returns the same module with the variables that its initialisers draw.

        Raises:
            ValueError: It cannot be initialised by a call with these arguments.
        """
        images = jnp.zeros(tuple(shape), jnp.float32)
        try:
            variables = self.module.init(jax.random.key(seed), images, method=self._method, **self._call)
        except Exception as error:  # whatever a user's model raises
            raise ValueError(
                f"{type(self.module).__name__} cannot be initialised anew: {type(error).__name__}: {error!s:.300}. "
                "Capture an untrained one instead"
            ) from error
        return LinenRunner(self.module, dict(variables), self._call, self._method)

    def _run(self, params: Any, images: Any, log: CallLog, opened: bool, called: dict[str, str] | None = None) -> None:
        here = trace_state()

        def reachable() -> bool:
            return trace_state() == here

        def state(output: Any) -> Any:
            return first_array(output, is_floating)

        def record(next_call: Any, args: Any, kwargs: Any, context: nn.module.InterceptorContext) -> Any:
            module = context.module
            if context.method_name != "__call__" or not module.path:
                return next_call(*args, **kwargs)
            if called is not None:
                called[".".join(module.path)] = _told(module)
            return log.through(
                ".".join(module.path), type(module), lambda: next_call(*args, **kwargs), state, reachable
            )

        def whole() -> Any:
            return self.module.apply(params, images, method=self._method, **self._call)

        with jax.disable_jit(opened), nn.intercept_methods(record):
            log.through(OUTPUT, type(self.module), whole, state, reachable)


def _told(module: nn.Module) -> str:
    """Class and attributes of a module; initialisers compute nothing once there are weights."""
    settings = {
        field.name: getattr(module, field.name, None)
        for field in dataclasses.fields(module)
        if field.init and field.name not in ("parent", "name") and not field.name.endswith("_init")
    }
    told = {name: _nested(value) for name, value in settings.items()}
    return f"{type(module).__module__}.{type(module).__qualname__} {account(told)}"


def _nested(value: Any) -> Any:
    """Returns an attribute as `account` takes it, with the settings of modules in place of the modules."""
    if isinstance(value, nn.Module):
        return _told(value)
    if isinstance(value, list | tuple):
        return [_nested(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _nested(each) for key, each in value.items()}
    return value
