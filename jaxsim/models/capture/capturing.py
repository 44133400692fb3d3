"""`capture`: a live model of any framework becomes one whose call returns every processing step."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import numpy as np

from jaxsim.models.capture.calls import Call
from jaxsim.models.capture.captured_model import CapturedModel, input_shape, readings
from jaxsim.models.capture.layouts import LayoutRules
from jaxsim.models.capture.linen_module import LinenRunner
from jaxsim.models.capture.preprocessing import preprocessor_from
from jaxsim.models.capture.runner import PROBE_BATCH, Runner
from jaxsim.models.capture.selection import choose


def capture(
    model: Any,
    *,
    variables: Any = None,
    name: str | None = None,
    include: Any = None,
    exclude: Any = None,
    image_size: Any = None,
    mean: Any = None,
    std: Any = None,
    preprocess: Any = None,
    call: Any = None,
    method: str | None = None,
    channels_first: bool | None = None,
    layouts: Any = None,
    grid: Any = None,
    prefix: Any = None,
) -> CapturedModel:
    """Turns a live Linen, NNX, Equinox or torch module into what `load_model` returns, a step for each chosen call.

    A step is one call of one module: its state is the first floating-point array of what the call returned (of a
    tuple, list or mapping, `ModelOutput` included). Steps come in the order in which the calls return and are called
    by the module's path, `"layer1.0.conv2"`; a module called again gives `"block#1"`, `"block#2"`. The model's own
    result is `"output"`.

    - Linen: the module runs through `apply`, jitted, with `variables`.
    - NNX: a copy in evaluation mode (`deterministic`, `use_running_average`) runs, jitted, with the weights of now.
    - Equinox: a copy in inference mode runs, jitted, on one image `[C, H, W]` at a time under `vmap`, as its layers
      take them; `call={"key": ..., "state": ...}` is the same for every image.
    - torch (timm, torchvision, transformers): the module runs on its own device, in evaluation mode and without
      gradients, through forward hooks that are gone afterwards, when each module is in the mode it was in. Weights are
      those of the moment of running. It runs outside `jax.jit`, where feature extraction compiles the pooling alone.

    Scans and inner jits of a Flax model are run as plain Python so that each turn's state is a step (`"blocks"`,
    `"blocks#1"`...); modules inside remat or vmap give none, and choosing one is an error.

    Which calls, by default: the outermost repeated blocks (modules with modules of their own, of a class called at
    least twice; `Sequential`, lists and classes called `...Stage` are looked into), the last state before the first
    block, and the norm that follows the last. Where nothing repeats: the model's outermost calls, without
    dropout and identities. A block that changes nothing is a step; `jaxsim.compare` warns of such steps.

    Args:
        model: The live module.
        variables: Of a Linen module that is not bound: all collections, `{"params": ..., "batch_stats": ...}`.
        name: How results call the model; its class by default.
        include: What to take instead of the default, one or several of: a name or glob (`*` stays between dots, `**`
            crosses them), a compiled regular expression, a class of modules. Each must match something.
        exclude: What to leave out, likewise.
        image_size: Edge, or (height, width), to which images are stretched; then they are scaled to 0..1 and
            normalised by `mean` and `std`.
        mean: For R, G, B; ImageNet's by default.
        std: For R, G, B; ImageNet's by default.
        preprocess: Instead of these a `PlainPreprocessor`, or a function from a list of uint8 `[H, W, 3]` images to
            float `[B, H, W, C]`.
        call: Keyword arguments of the model's call, `{"train": False}`.
        method: Name of the method to call, `"forward_features"`, instead of the model itself.
        channels_first: Whether the model takes and returns `[B, C, H, W]`; True for torch and Equinox, False for Flax.
        layouts: Pattern as in `include` -> what the state's axes are: `"BHWC"`, `"BCHW"`, `"BTC"`, `"TBC"`, `"BCT"`,
            `"BC"`, or a whole `Tokens`, `Map` or `Vector`.
        grid: (rows, columns) of the patches in states of tokens. By default the one grid of square patches, or of an
            earlier map, that leaves at most five leading tokens; an error where there are several or none.
        prefix: Role of each leading token, `("cls", "register")`. Unknown by default (`"token0"`), so that
            `pool="cls"` is refused; `pool="mean"` takes the patches alone in any case.

    Returns:
        The model; see `CapturedModel`.

    Raises:
        ValueError: Another kind of model, a call that fails, a filter that matches nothing (names the nearest), a
            state that cannot be a step or whose layout is ambiguous, settings that make no sense.

    Example:
        >>> import flax.linen as nn, jax, numpy as np
        >>> class Block(nn.Module):
        ...     @nn.compact
        ...     def __call__(self, x):
        ...         return x + nn.gelu(nn.Conv(8, (3, 3))(x))
        >>> class Net(nn.Module):
        ...     @nn.compact
        ...     def __call__(self, x, train):
        ...         x = nn.Conv(8, (4, 4), strides=4, name="stem")(x)
        ...         for i in range(3):
        ...             x = Block(name=f"block{i}")(x)
        ...         return nn.Dense(10, name="head")(x.mean((1, 2)))
        >>> net = Net()
        >>> variables = net.init(jax.random.key(0), np.zeros((1, 16, 16, 3)), train=False)
        >>> model = capture(net, variables=variables, image_size=16, call={"train": False})
        >>> images = model.preprocess([np.zeros((30, 20, 3), np.uint8)])
        >>> {step: state.shape for step, state in model(images).items()}
        {'stem': (1, 4, 4, 8), 'block0': (1, 4, 4, 8), 'block1': (1, 4, 4, 8), 'block2': (1, 4, 4, 8)}
        >>> list(capture(net, variables=variables, image_size=16, call={"train": False}, include="block*.*")(images))
        ['block0.Conv_0', 'block1.Conv_0', 'block2.Conv_0']
    """
    runner = _runner(model, variables, _mapping("call", call), method)
    rules = LayoutRules(
        channels_first=runner.framework in ("torch", "equinox") if channels_first is None else bool(channels_first),
        layouts=_mapping("layouts", layouts),
        grid=None if grid is None else _grid(grid),
        prefix=None if prefix is None else _roles(prefix),
    )
    preprocessor = preprocessor_from(preprocess, image_size, mean, std)
    n_channels = preprocessor([np.zeros((*preprocessor.image_size, 3), np.uint8)]).shape[-1]
    calls = _calls(runner, input_shape(PROBE_BATCH, preprocessor.image_size, n_channels, rules.channels_first))
    eligible = [rules.eligible(each, PROBE_BATCH) for each in calls]
    chosen = choose(calls, include, exclude, eligible)
    found = readings(calls, [each.name for each, _ in chosen], rules, preprocessor.image_size)
    kind = type(runner.module)
    return CapturedModel(
        name=name or kind.__name__,
        family=kind.__name__,
        source=f"live {runner.framework} module {kind.__module__}.{kind.__qualname__}",
        config={"framework": runner.framework, "method": method, "call": {k: repr(v) for k, v in (call or {}).items()}},
        preprocessor=preprocessor,
        n_channels=n_channels,
        runner=runner,
        rules=rules,
        chosen=tuple((each, what, found[each.name]) for each, what in chosen),
    )


def _runner(model: Any, variables: Any, call: Mapping[str, Any], method: str | None) -> Runner:
    # Who has such a module has imported its framework; nobody else should wait for that.
    nnx, torch, equinox = (sys.modules.get(name) for name in ("flax.nnx", "torch", "equinox"))
    if method is not None and not callable(getattr(model, method, None)):
        raise ValueError(f"method={method!r}: {type(model).__name__} has no such method")
    if isinstance(model, nn.Module):
        return LinenRunner(model, variables, call, method)
    if variables is not None:
        raise ValueError(f"variables are for Linen modules, and {type(model).__name__} holds its own: leave them out")
    if nnx is not None and isinstance(model, nnx.Module):
        from jaxsim.models.capture.nnx_module import NNXRunner

        return NNXRunner(model, call, method)
    if torch is not None and isinstance(model, torch.nn.Module):
        from jaxsim.models.capture.torch_module import TorchRunner

        return TorchRunner(model, call, method)
    if equinox is not None and isinstance(model, equinox.Module):
        from jaxsim.models.capture.equinox_module import EquinoxRunner

        return EquinoxRunner(model, call, method)
    what = f"the class {model.__name__}: make an object of it" if isinstance(model, type) else type(model).__name__
    raise ValueError(f"expected a live Linen, NNX, Equinox or torch module, got {what}")


def _calls(runner: Runner, shape: tuple[int, ...]) -> tuple[Call, ...]:
    """Returns every call on a batch of `shape`; raises a ValueError where the model cannot be called so."""
    try:
        return runner.calls(shape)
    except Exception as error:  # whatever a user's model raises
        raise ValueError(
            f"{type(runner.module).__name__} fails on images of shape {shape}: {type(error).__name__}: {error}. "
            "Check image_size, channels_first and the arguments of its call, such as call={'train': False}"
        ) from error


def _mapping(name: str, value: Any) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{name}: expected a mapping, got {value!r}")
    return value


def _grid(grid: Any) -> tuple[int, int]:
    if not isinstance(grid, tuple | list) or len(grid) != 2 or not all(isinstance(n, int) and n > 0 for n in grid):
        raise ValueError(f"grid={grid!r}: expected (rows, columns)")
    return grid[0], grid[1]


def _roles(prefix: Any) -> tuple[str, ...]:
    if isinstance(prefix, str) or not all(isinstance(role, str) for role in prefix):
        raise ValueError(f"prefix={prefix!r}: expected a role for each leading token, such as ('cls', 'register')")
    return tuple(prefix)
