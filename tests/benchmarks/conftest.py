"""Subcommands run in this process, so that they share its compiled programs; fresh processes share the cache."""

import json

import jax
import pytest

from benchmarks.command_line import main


@pytest.fixture(autouse=True)
def _workers_share_the_compilation_cache(monkeypatch, _compilation_cache):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(jax.config.jax_compilation_cache_dir))
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


@pytest.fixture
def lines_of(tmp_path):
    """`lines_of("floor", "--samples", "64") -> result lines`; the exit code is checked."""

    def run(*words: str, code: int = 0) -> list[dict]:
        out = tmp_path / "lines.jsonl"
        assert main([*words, "--out", str(out)]) == code
        return [json.loads(line) for line in out.read_text().splitlines()]

    return run


@pytest.fixture
def line():
    """`line(command, key, **fields)`: a result line as another machine could have written it."""

    def make(command: str = "floor", key: dict | None = None, kind: str = "TPU v5e", **fields) -> dict:
        return {
            "command": command,
            "date": "2026-01-02T03:04:05+00:00",
            "key": {"n_samples": 64} if key is None else key,
            "environment": {
                "commit": "0123456789abcdef",
                "dirty": False,
                "versions": {"jax": "0.10.1"},
                "device": {"platform": "tpu", "kind": kind, "count": 1},
                "cpu": {"model": "some", "cores": 4},
                "settings": {},
                "load_average": [0.1, 0.1, 0.1],
            },
            **fields,
        }

    return make
