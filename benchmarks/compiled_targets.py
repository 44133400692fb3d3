"""Accelerators to compile for, described in place of being there."""

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jax.experimental import topologies
from jax.sharding import AbstractDevice, AbstractMesh, Mesh, use_abstract_mesh
from jaxsim_kernels import Placement

from benchmarks.peer_environments import Absent, PeerEnvironment
from benchmarks.records import ROOT, package_version

H100 = """
gpu_device_info {
  cuda_compute_capability { major: 9 }
  core_count: 132 fpus_per_core: 128 clock_rate_ghz: 1.98
  threads_per_warp: 32 threads_per_block_limit: 1024 threads_per_core_limit: 2048
  registers_per_block_limit: 65536 registers_per_core_limit: 65536
  shared_memory_per_block: 49152 shared_memory_per_block_optin: 232448 shared_memory_per_core: 233472
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  l2_cache_size: 52428800 memory_bandwidth: 3352320000000 device_memory_size: 84942979072
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 7 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""
"""Figures of the SXM card, in XLA's own form."""


@dataclass(frozen=True)
class Target:
    """An accelerator.

    Attributes:
        name: As asked for.
        kind: As JAX names the device.
        platform: `tpu` or `gpu`.
        modules: Of which one must be installed for its compiler to be there.
        requirements: What an environment of its own holds, beside JAX of this version; `{jax}` stands for that.
        settings: Environment variables of the process that compiles.
        extra: Of the project's optional dependencies, with the compiler.
    """

    name: str
    kind: str
    platform: str
    modules: tuple[str, ...]
    requirements: tuple[str, ...]
    extra: str
    settings: Mapping[str, str] = field(default_factory=dict)

    def interpreter(self, install: bool) -> str:
        """The Python that compiles for it: this one if it can, else one with an environment of its own.

        Args:
            install: Whether making the environment is allowed.

        Returns:
            Path of the interpreter.

        Raises:
            Absent: If the compiler is not installed; says what to do.
        """
        if any(importlib.util.find_spec(name) is not None for name in self.modules):
            return sys.executable
        requirements = tuple(each.format(jax=package_version("jax")) for each in self.requirements)
        environment = PeerEnvironment(f"compiler for {self.name}", requirements)
        if not environment.ready and not install:
            raise Absent(
                f"the compiler for {self.name} is not installed: pip install '.[{self.extra}]', or --install to make "
                f"an environment of its own, 2 GB, once"
            )
        environment.provide(install)
        return str(environment.python)


_TPU = {
    "platform": "tpu",
    "modules": ("libtpu",),
    "requirements": ("jax[tpu]=={jax}", "numba>=0.61"),
    "extra": "tpu",
}
# No metadata server is asked for the machine, and a process that has the chip is left alone.
_TPU_SETTINGS = {
    "JAX_PLATFORMS": "cpu",
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
}

TARGETS = {
    target.name: target
    for target in (
        Target("v5e", "TPU v5 lite", settings={**_TPU_SETTINGS, "TPU_ACCELERATOR_TYPE": "v5litepod-4"}, **_TPU),
        Target("v6e", "TPU v6 lite", settings={**_TPU_SETTINGS, "TPU_ACCELERATOR_TYPE": "v6e-4"}, **_TPU),
        Target(
            "h100", "NVIDIA H100 80GB HBM3", "gpu", ("jax_cuda12_plugin", "jax_cuda13_plugin"),
            (
                "jax=={jax}", "jax-cuda12-plugin=={jax}", "jax-cuda12-pjrt=={jax}", "nvidia-cuda-nvcc-cu12",
                "numba>=0.61",
            ),
            "cuda", {"JAX_PLATFORMS": "cpu"},
        ),
    )
}  # fmt: skip

DEVICES = (1, 4)
"""How many devices of a target share the samples."""


def worker_settings(target: Target, kernels: str) -> dict[str, str]:
    """Environment of the process that compiles, the sources in its path."""
    path = f"{ROOT}:{Path(ROOT) / 'kernels'}"
    return {**target.settings, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3", "JAXSIM_KERNELS": kernels}


@cache
def described(name: str) -> Any:
    """Four devices of a target; in a process whose JAX has the compiler."""
    if TARGETS[name].platform == "tpu":
        return topologies.get_topology_desc(platform="tpu", topology_name=f"{name}:2x2").devices
    return topologies.get_topology_desc(name, "cuda", target_config=H100, topology="1x1x4").devices


@contextmanager
def lowering_for(name: str) -> Iterator[None]:
    """Tells kernels which GPU they are lowered for: from JAX 0.12 on they ask, where JAX's own devices are CPUs."""
    target = TARGETS[name]
    if target.platform != "gpu":
        yield
        return
    device = AbstractDevice(target.kind, None, target.platform)
    with use_abstract_mesh(AbstractMesh((), (), abstract_device=device)):
        yield


def placement_on(name: str, n_devices: int) -> Placement:
    """One device of a target, or its samples sharded over several."""
    devices = described(name)
    if n_devices == 1:
        return Placement(device=devices[0])
    return Placement(mesh=Mesh(np.array(devices[:n_devices]), ("samples",)))
