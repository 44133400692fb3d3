"""The checkpoints in `tests/models/checkpoints` and what the tests make of them, as the fixture `google`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flax.serialization
import jax
import numpy as np
import pytest

from jaxsim.models import VisionModel

# As in the parity kit: programs that run once are compiled quickly.
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
ROOT = Path(__file__).parent.parent / "checkpoints"

# The originals' names of steps and outputs.
_NAMES = {
    "embeddings": "embeddings",
    "encoder_input": "embeddings",
    "encoder_norm": "norm",
    "encoded": "norm",
    "stem": "stem",
    "pooled": "pooler_output",
    "pre_logits": "pooler_output",
    "logits": "logits",
    "image_embeds": "image_embeds",
}


def cases() -> list[tuple[str, str]]:
    """Every (checkpoint, file in it)."""
    found = []
    for config in sorted(ROOT.glob("*/config.json")):
        files = json.loads(config.read_text()).get("checkpoint", {}).get("files", {})
        found += [(config.parent.name, file) for file in files.values()]
    return found


def inputs(case: str) -> np.ndarray:
    """The images of a checkpoint's expected states."""
    return np.load(ROOT / case / "inputs.npy")


def all_states(model: VisionModel, images: np.ndarray) -> dict[str, np.ndarray]:
    """Steps and outputs of one program, which runs once."""

    def both(params: Any, images: jax.Array) -> dict[str, jax.Array]:
        recording = model.module.apply(params, images)
        outputs = dict(zip(recording.output_names, recording.outputs, strict=True))
        return {**model.apply(params, images), **outputs}

    with jax.default_matmul_precision("highest"):
        found = jax.jit(both, compiler_options=QUICK)(model.params, images)
    return {name: np.asarray(value) for name, value in found.items()}


def embeddings(model: VisionModel, images: np.ndarray) -> np.ndarray:
    """The first step alone, of a program that holds nothing else."""
    program = jax.jit(lambda params, images: model.apply(params, images)["embeddings"], compiler_options=QUICK)
    return np.asarray(program(model.params, images))


def errors(model: VisionModel, case: str) -> dict[str, float]:
    """The error measure of parity tests for every expected state."""
    images = inputs(case)
    found = all_states(model, images)
    blocks = [step.name for step in model.steps if step.kind == "block"]
    measured = {}
    with np.load(ROOT / case / "expected.npz") as expected:
        for key in expected.files:
            name = _NAMES.get(key.removeprefix("img/"))
            if "block_" in key:
                name = blocks[int(key.rpartition("_")[2])]
            elif key.endswith("+mlp"):
                name = key.split("/")[-2]
            if name is not None:
                actual, wanted = np.asarray(found[name]), expected[key]
                assert actual.shape == wanted.shape
                measured[name] = float(np.abs(actual - wanted).max() / max(1.0, np.abs(wanted).max()))
    assert {step.name for step in model.steps} <= set(measured)
    return measured


def tree(case: str) -> dict[str, Any]:
    """The training state of a msgpack checkpoint."""
    return flax.serialization.msgpack_restore((ROOT / case / "msgpack" / "checkpoint_7").read_bytes())


def write_orbax(state: dict[str, Any], directory: Path) -> Path:
    """Saves a training state as orbax does, tuples of the optimizer as lists."""
    import orbax.checkpoint as ocp

    if isinstance(state.get("opt_state"), dict):
        state = {**state, "opt_state": [state["opt_state"][key] for key in sorted(state["opt_state"])]}
    ocp.PyTreeCheckpointer().save(directory, state)
    return directory


def edit_npz(case: str, target: Path, change: Callable[[dict[str, np.ndarray]], None]) -> Path:
    """Writes a changed copy of an `.npz` checkpoint."""
    with np.load(ROOT / case / "checkpoint.npz") as archive:
        arrays = dict(archive)
    change(arrays)
    np.savez(target, **arrays)  # pyright: ignore[reportArgumentType]
    return target


@pytest.fixture(scope="session")
def google() -> SimpleNamespace:
    """The functions of this file, which test modules cannot import."""
    return SimpleNamespace(
        root=ROOT,
        inputs=inputs,
        states=all_states,
        errors=errors,
        embeddings=embeddings,
        tree=tree,
        write_orbax=write_orbax,
        edit_npz=edit_npz,
    )


#: What another checkpoint shows, too, with a smaller model or another storage.
SLOW = ("scenic_resnet50", "scenic_vit_legacy_optimizer", "vit_jax_token_resized", "bv_vit_map_resized")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives a test that asks for `case` and `file` every stored checkpoint, every day those in their first storage."""
    if {"case", "file"} <= set(metafunc.fixturenames):
        first = dict(reversed(cases()))
        metafunc.parametrize(
            ("case", "file"),
            [
                pytest.param(case, file, marks=pytest.mark.slow if case in SLOW or file != first[case] else ())
                for case, file in cases()
            ],
        )
