"""The parity kit: `parity(model_class, config)` compares a port with its original, state by state.

One configuration is one call:

    def test_states(parity, config):
        parity(transformers.ViTModel, transformers.ViTConfig(**config), hooks={"norm": "layernorm"})

It builds the torch model with seeded weights, perturbs every parameter and stored buffer (default
initialisation hides errors), saves it with `save_pretrained`, loads it, and compares in both granularities

- `granularity="hf"` with the `hidden_states` of the original, one to one;
- `granularity="block"`: steps that are hidden states are covered by the above; every other step must be named
  in `hooks` with the torch module (a dotted path) whose output it equals, or (path, function of that output);
- `last_hidden_state`, `pooler_output`, `image_embeds`, `logits`: what the original returns must be in `model.outputs`
  (leave one out with `skip_outputs`).

The measure is max |difference| / max(1, max |expected|).
"""

from __future__ import annotations

import dataclasses
import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import torch

from jaxsim.models import Map, Tokens, VisionModel, load_model
from jaxsim.models.inputs import TokenIds

BOUND = 2e-5
# Hundreds of programs that run once: compiling them well takes longer than everything else here. One of each family's,
# marked `optimised`, is compiled as users' are.
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def pytest_configure(config: pytest.Config) -> None:
    """Registers the mark of `every_day.first_every_day`."""
    config.addinivalue_line("markers", "optimised: the port's program is compiled as users' are, not as fast as can be")


def measure(actual: np.ndarray, expected: np.ndarray) -> float:
    """The error measure of every parity test."""
    assert actual.shape == expected.shape, f"shape {actual.shape}, expected {expected.shape}"
    assert np.isfinite(expected).all(), "the original's state is not finite: the perturbation is too strong"
    return float(np.abs(actual - expected).max() / max(1.0, np.abs(expected).max()))


def perturb(model: torch.nn.Module, seed: int) -> None:
    """Moves every parameter and stored buffer away from its default; variances stay positive."""
    generator = torch.Generator().manual_seed(seed)
    state = model.state_dict()
    with torch.no_grad():
        for name, tensor in state.items():
            if not tensor.is_floating_point():
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(0.6 + 0.8 * torch.rand(tensor.shape, generator=generator))
            elif tensor.ndim >= 2:
                tensor.add_(noise * 0.7 / max(1, tensor[0].numel()) ** 0.5)
            else:
                tensor.add_(0.3 * noise)


def like(value: Any, state: np.ndarray, layout: Any) -> np.ndarray:
    """A torch output in the axes of our state: channels last, tokens or map as the layout says."""
    value = value[0] if isinstance(value, tuple | list) else value
    array = value.detach().float().numpy()
    if array.ndim == 4 and state.ndim == 2 and array.shape[2:] == (1, 1):
        array = array[:, :, 0, 0]
    if array.ndim == 4 and (isinstance(layout, Tokens) or array.transpose(0, 2, 3, 1).shape == state.shape):
        array = array.transpose(0, 2, 3, 1)
    if isinstance(layout, Map) and array.ndim == 3:
        array = array.reshape(array.shape[0], *layout.grid, array.shape[-1])
    if isinstance(layout, Tokens) and array.ndim == 4:
        array = array.reshape(array.shape[0], -1, array.shape[-1])
    return array


def random_inputs(model: VisionModel, seed: int) -> np.ndarray:
    """Two random images: standard normal pixels, or token ids where the model takes those."""
    generator = np.random.default_rng(seed)
    if isinstance(model.inputs, TokenIds):
        return generator.integers(0, model.inputs.n_tokens, (2, *model.image_size), np.int32)
    return generator.standard_normal((2, *model.image_size, model.inputs.channels)).astype(np.float32)


def as_torch(inputs: np.ndarray) -> torch.Tensor:
    """The same as the original takes it: channels first, or a sequence of token ids."""
    if inputs.ndim == 3:
        return torch.from_numpy(inputs.reshape(len(inputs), -1).astype(np.int64))
    return torch.from_numpy(inputs.transpose(0, 3, 1, 2).copy())


def run_original(
    model: torch.nn.Module, pixels: np.ndarray, hooks: Mapping[str, Any], forward: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """Runs the torch model; returns its output and what each hooked module gave, by step name."""
    caught: dict[str, Any] = {}
    handles = []
    modules = dict(model.named_modules())
    for step, target in hooks.items():
        path, view = target if isinstance(target, tuple) else (target, lambda output: output)

        def keep(_module: Any, _args: Any, output: Any, step: str = step, view: Callable = view) -> None:
            caught[step] = view(output)

        handles.append(modules[path].register_forward_hook(keep))
    with torch.no_grad():
        output = model(as_torch(pixels), output_hidden_states=True, **forward)
    for handle in handles:
        handle.remove()
    return output, caught


def check_parity(
    directory: Path,
    model_class: type,
    config: Any,
    *,
    image_size: tuple[int, int] | None = None,
    hooks: Mapping[str, Any] | None = None,
    forward: Mapping[str, Any] | None = None,
    skip_outputs: tuple[str, ...] = (),
    original_states: Callable[[Any], Any] = lambda output: output.hidden_states,
    prepare: Callable[[torch.nn.Module], None] | None = None,
    bound: float = BOUND,
    seed: int = 0,
    optimised: bool = False,
    report: Callable[[str], Any] | None = None,
) -> VisionModel:
    """Compares a port with its original; see the module's docstring.

    Args:
        directory: where the checkpoint is written.
        model_class: transformers' torch class.
        config: its configuration.
        image_size: (height, width) if not the configuration's; positions are then interpolated.
        hooks: torch module of each block-granularity step that is not a hidden state.
        forward: further arguments of the original's forward.
        skip_outputs: outputs of the original that the port does not give.
        original_states: takes the hidden states out of the original's output.
        prepare: changes the torch model after perturbation, before it is saved.
        bound: largest error allowed.
        seed: of weights and images.
        optimised: whether the program is compiled as users' are.
        report: called with the largest error of all states.

    Returns:
        The model under `granularity="block"`.
    """
    torch.manual_seed(seed)
    original = model_class(config).eval()
    perturb(original, seed + 1)
    if prepare is not None:
        prepare(original)
    original.save_pretrained(directory)
    model = load_model(directory, image_size=image_size)
    view = dataclasses.replace(model, granularity="hf")
    assert image_size is None or model.image_size == image_size

    pixels = random_inputs(model, seed)
    arguments = dict(forward or {})
    if image_size is not None and "interpolate_pos_encoding" in inspect.signature(original.forward).parameters:
        arguments.setdefault("interpolate_pos_encoding", True)
    output, caught = run_original(original, pixels, hooks or {}, arguments)
    errors: dict[str, float] = {}
    with jax.default_matmul_precision("highest"):
        recording = jax.jit(model.module.apply, compiler_options={} if optimised else QUICK)(model.params, pixels)
    hidden, states = (OrderedDict((n, state) for n, _, state in each._chosen(recording)) for each in (view, model))
    view_steps, model_steps = view.steps_of(recording), model.steps_of(recording)
    outputs = dict(zip(recording.output_names, recording.outputs, strict=True))

    expected = original_states(output)
    assert list(hidden) == [f"hidden_states.{i}" for i in range(len(expected))]
    for step, value in zip(view_steps, expected, strict=True):
        state = np.asarray(hidden[step.name])
        errors[step.name] = measure(state, like(value, state, step.layout))

    covered = {d.name for d in recording.descriptions if d.hidden and d.block} | set(hooks or {})
    assert set(states) <= covered, f"name the torch modules of {sorted(set(states) - covered)} in hooks"
    assert set(caught) == set(hooks or {}), "a hooked module was not called"
    assert list(states) == [step.name for step in model_steps]
    for step in model_steps:
        state = np.asarray(states[step.name])
        assert state.shape[-1] == step.n_features
        if step.name in caught:
            errors[step.name] = measure(state, like(caught[step.name], state, step.layout))

    for name in ("last_hidden_state", "pooler_output", "image_embeds", "logits"):
        value = getattr(output, name, None)
        if value is None or name in skip_outputs:
            continue
        assert name in outputs, f"the original returns {name}, model.outputs gives only {list(outputs)}"
        array = np.asarray(outputs[name])
        errors[name] = measure(array, like(value, array, None))

    if report is not None:
        report(f"{type(config).__name__}: {len(errors)} states and outputs, largest error {max(errors.values()):.2g}")
    wrong = {name: error for name, error in errors.items() if not error <= bound}
    assert not wrong, f"above {bound:g}: {wrong}; all: {errors}"
    return model


@pytest.fixture
def parity(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., VisionModel]:
    """`check_parity` in the test's own directory."""
    optimised = request.node.get_closest_marker("optimised") is not None

    def check(model_class: type, config: Any, **options: Any) -> VisionModel:
        return check_parity(tmp_path, model_class, config, optimised=optimised, **options)

    return check


@pytest.fixture
def stage_hooks() -> Callable[..., dict[str, str]]:
    """Hooks for `stage0.block0` and so on, where the blocks are `encoder.stages.{s}.layers.{b}`."""

    def hooks(config: Any, prefix: str = "", stages: str = "encoder.stages") -> dict[str, str]:
        return {
            f"stage{stage}.block{block}": f"{prefix}{stages}.{stage}.layers.{block}"
            for stage, depth in enumerate(config.depths)
            for block in range(depth)
        }

    return hooks


@pytest.fixture
def parity_bound() -> float:
    """The largest error that `check_parity` allows."""
    return BOUND
