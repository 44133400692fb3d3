"""Shared by all rooms: no hub, oracle data sets, one persistent compilation cache."""

import gc
import json
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# XLA reports its own tuning flags, at length, for every program it takes from the cache.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax
import numpy as np
import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def _compilation_cache(tmp_path_factory: pytest.TempPathFactory):
    """Programs that several tests need are compiled once, also under x64 and in worker processes."""
    cache = os.environ.get("JAXSIM_TEST_CACHE") or str(tmp_path_factory.getbasetemp().parent / "xla-cache")
    jax.config.update("jax_compilation_cache_dir", cache)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


MOST_MAPS = 45_000
"""Of memory in a process between two files of tests; Linux allows 65,530, and every compiled program has several."""


@pytest.fixture(scope="module", autouse=True)
def _few_memory_maps():
    """Programs are let go before there are so many that the next one cannot be loaded, which ends the process."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MOST_MAPS:
        jax.clear_caches()
        gc.collect()


def make_recipe(recipe: str, seed: int, n: int, dx: int, dy: int) -> tuple[np.ndarray, np.ndarray]:
    """The synthetic pairs that the oracle values belong to (float64, one generator, fixed order of draws)."""
    draw = np.random.default_rng(seed).standard_normal
    if recipe == "R1":
        return draw((n, dx)), draw((n, dy))
    if recipe == "R4":
        x = draw((n, dx))
        return x, x[:, : dx // 2]
    if recipe == "R5":
        x = draw((n, dx))
        q, r = np.linalg.qr(draw((dx, dx)))
        return x, 3 * (x @ (q * np.sign(np.diag(r)))) + 5
    if recipe == "R8":
        m = (7 * n) // 10
        x, w, noise = draw((m, dx)), draw((dx, dy)), draw((m, dy))
        y = x @ w / np.sqrt(dx) + 0.3 * noise
        return np.concatenate([x, x[: n - m]]), np.concatenate([y, y[: n - m]])
    x = draw((n, dx))
    if recipe == "R6":
        x[:, :3] *= 50
        x = x + 30
    w = draw((dx, dy))
    if recipe == "R3":
        return x, np.tanh(2 * x @ w / np.sqrt(dx))
    if recipe == "R7":
        return (x > 0).astype(float), ((x @ w) > 0).astype(float)
    return x, x @ w / np.sqrt(dx) + 0.3 * draw((n, dy))


@pytest.fixture(scope="session")
def recipe():
    """`recipe(name, seed, n, dx, dy) -> (x, y)`."""
    return make_recipe


@pytest.fixture(scope="session")
def imbalance_oracle():
    """Entries of the information-imbalance oracle file."""
    return json.loads((HERE / "oracles" / "information_imbalance.json").read_text())["entries"]


@pytest.fixture(scope="session")
def kernel_oracle():
    """Entries of the oracle file of measures of kernels and distances of all pairs."""
    return json.loads((HERE / "oracles" / "kernel_measures.json").read_text())["entries"]
