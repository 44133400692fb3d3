"""A live torch module: its calls are seen through forward hooks that are removed after every run.

torch is not imported here: who has a torch module has imported it.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxsim.models.capture.account import account
from jaxsim.models.capture.calls import OUTPUT, Call, CallLog, first_array
from jaxsim.models.capture.runner import kept_states


class TorchRunner:
    """Runs a torch module where it is, on its own device, in evaluation mode and without gradients.

    It runs outside `jax.jit`. A host callback inside a compiled program would look alike from outside, but JAX moves
    the callback's arguments by the threads that wait for it, which on few cores is a known deadlock, and every state
    would be copied once more.

    Args:
        module: The module; of one that `torch.compile` made, the original is run.
        call: Keyword arguments of the call beside the images.
        method: Name of the method to call instead of the module itself.

    Raises:
        ValueError: TorchScript, or weights on the device `meta`.
    """

    framework = "torch"
    jitted = False
    params: Mapping[str, Any] = {}

    def __init__(self, module: Any, call: Mapping[str, Any] | None = None, method: str | None = None) -> None:
        self.module = getattr(module, "_orig_mod", module)
        _refuse_unrunnable(self.module)
        self._call = dict(call or {})
        self._method = method
        self._known: dict[tuple[int, ...], tuple[Call, ...]] = {}
        # Hooks of one thread's run must not see another's.
        self._lock = threading.Lock()
        self._written: set[str] = set()

    def calls(self, shape: Sequence[int]) -> tuple[Call, ...]:
        """Returns every module call on images of a shape, found by running one batch of zeros."""
        key = tuple(shape)
        if key not in self._known:
            log = CallLog()
            before = _settings(self.module)
            self._run(np.zeros(key, np.float32), log, None)
            self._known[key] = log.calls()
            # What a forward pass writes (a cache, a counter) is no setting.
            after = _settings(self.module)
            self._written |= {place for place in {*before, *after} if before.get(place) != after.get(place)}
        return self._known[key]

    def states(self, params: Any, images: Any, wanted: Sequence[Call]) -> tuple[jax.Array, ...]:
        """Returns the states of some calls, float32.

        Raises:
            ValueError: Under `jax.jit` or another transformation.
        """
        if isinstance(images, Tracer):
            raise ValueError(
                "a torch module cannot run under jax.jit, grad or vmap: call the model itself, and compile what follows"
            )
        log = CallLog([call.name for call in wanted])
        self._run(np.asarray(images), log, {call.path for call in wanted})
        return tuple(jnp.asarray(state) for state in kept_states(log.kept, wanted))

    def weights(self) -> dict[str, np.ndarray]:
        """Returns every parameter and buffer as it is now."""
        named = itertools.chain(self.module.named_parameters(), self.module.named_buffers())
        return {f"{name} {tensor.dtype}": _as_numpy(tensor.detach()) for name, tensor in named}

    def structure(self) -> str:
        """Class and attributes of every module, without what a forward pass leaves in them."""
        told = sorted(_settings(self.module).items())
        return "\n".join(f"{place} {setting}" for place, setting in told if place not in self._written)

    def untrained(self, seed: int, shape: Sequence[int]) -> TorchRunner:
        """Returns a copy whose modules have drawn their weights anew, each by its own `reset_parameters`.

        Raises:
            ValueError: Some weights are drawn by none of them; they are named.
        """
        torch = sys.modules["torch"]
        copied = copy.deepcopy(self.module)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            for module in copied.modules():
                # MultiheadAttention and Transformer have it under this name.
                reset = getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
                if callable(reset):
                    reset()
        trained = dict(self.module.named_parameters())
        # What was drawn differs; a constant, such as a bias of zeros, may be what training began with.
        kept = [
            name
            for name, weight in copied.named_parameters()
            if torch.equal(weight, trained[name]) and not torch.equal(weight, weight.flatten()[:1].expand_as(weight))
        ]
        if kept:
            more = f" and {len(kept) - 5} more" if len(kept) > 5 else ""
            raise ValueError(
                f"{type(self.module).__name__}: no reset_parameters draws {', '.join(kept[:5])}{more} anew: make an "
                "untrained model and capture that"
            )
        return TorchRunner(copied, self._call, self._method)

    def _run(self, images: np.ndarray, log: CallLog, paths: set[str] | None) -> None:
        """Runs one forward pass with hooks on the modules of `paths`, on all if None."""
        torch = sys.modules["torch"]
        modules = {
            path: module
            for path, module in self.module.named_modules()
            if path and not _is_parametrization(path) and (paths is None or path in paths)
        }
        function = self.module if self._method is None else getattr(self.module, self._method)
        with self._lock, torch.no_grad(), _evaluating(self.module), _called_one_by_one(torch), _hooked(modules, log):
            # A copy, because torch may write to its input and this one may belong to JAX.
            pixels = torch.from_numpy(np.array(images, np.float32, order="C")).to(**_placement(self.module))
            log.enter(OUTPUT)
            log.leave(type(self.module), _state(function(pixels, **self._call)), keep=_as_numpy)


@contextlib.contextmanager
def _hooked(modules: Mapping[str, Any], log: CallLog) -> Iterator[None]:
    """Lets every module note its calls; the hooks are gone afterwards, whatever happens."""
    handles = []
    try:
        for path, module in modules.items():

            def enter(_module: Any, _args: Any, path: str = path) -> None:
                log.enter(path)

            def leave(module: Any, _args: Any, output: Any) -> None:
                log.leave(type(module), _state(output), keep=_as_numpy)

            handles.append(module.register_forward_pre_hook(enter))
            handles.append(module.register_forward_hook(leave))
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Switches to evaluation mode, and each module (some may be frozen) back to its own mode afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        for module, _ in modes:
            module.training = False
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextlib.contextmanager
def _called_one_by_one(torch: Any) -> Iterator[None]:
    """Switches off torch's fused encoder layer, which would skip the modules that have no hook."""
    fused = torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


def _refuse_unrunnable(module: Any) -> None:
    """Raises for modules whose calls cannot be seen or that have no numbers."""
    torch = sys.modules["torch"]
    if any(isinstance(each, torch.jit.ScriptModule) for each in module.modules()):
        raise ValueError(
            f"{type(module).__name__}: TorchScript hides its modules, which run no hooks: pass the eager model, the "
            "one that torch.jit.trace or torch.jit.script was called with"
        )
    weights = itertools.chain(module.named_parameters(), module.named_buffers())
    empty = next((name for name, tensor in weights if tensor.device.type == "meta"), None)
    if empty is not None:
        raise ValueError(
            f"{type(module).__name__}: {empty} is on the device 'meta', which has shapes and no numbers: load the "
            "weights first, module.to_empty(device='cpu') and module.load_state_dict(...)"
        )


def _settings(model: Any) -> dict[str, str]:
    """Class and attributes of every module by place; torch's own attributes are no settings."""
    torch = sys.modules["torch"]
    own = set(vars(torch.nn.Module()))
    told = {}
    for path, module in model.named_modules():
        told[path] = f"{type(module).__module__}.{type(module).__qualname__}"
        for name, value in vars(module).items():
            if name not in own and not isinstance(value, torch.nn.Module):
                told[f"{path}:{name}"] = account(value)
    return told


def _is_parametrization(path: str) -> bool:
    """Returns whether a module makes another's weight (`spectral_norm`, `weight_norm`) and sees no images."""
    return "parametrizations" in path.split(".")


def _placement(model: Any) -> dict[str, Any]:
    """Returns the device and dtype of the first floating-point weight."""
    for tensor in itertools.chain(model.parameters(), model.buffers()):
        if tensor.is_floating_point():
            return {"device": tensor.device, "dtype": tensor.dtype}
    return {}


def _state(output: Any) -> Any:
    torch = sys.modules["torch"]
    return first_array(output, lambda value: isinstance(value, torch.Tensor) and value.is_floating_point())


def _as_numpy(tensor: Any) -> np.ndarray:
    """Returns a copy in host memory, float32 if floating: a later module may change the tensor in place."""
    tensor = tensor.detach()
    if tensor.is_floating_point():
        tensor = tensor.float()
    return np.array(tensor.cpu().numpy(), order="C")
