# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Scaling out
#
# All pairs of L layers over N samples cost one Gram matrix per layer, N^2 D multiplications each; nothing of size N x
# N is ever held. This notebook shows what a computation will take before it starts, how to pay less, and how to spread
# it over devices and hosts.

# %%
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
from jaxsim_kernels import Workload, make_plan

import jaxsim

# %% [markdown]
# ## What will it take?
#
# The planner chooses between one pass (the strips of all layers at once) and two (neighbours first, then one layer at
# a time), within a budget of bytes.

# %%
for n_samples, n_layers in [(2_500, 26), (50_000, 24), (50_000, 200), (1_280_000, 24)]:
    plan = make_plan(Workload(n_samples, n_samples, (768,) * n_layers, 1), budget=200 << 30)
    print(f"N = {n_samples:>9,}, {n_layers:3d} layers of 768: {plan}")

# %% [markdown]
# ## Paying less: query rows
#
# M rows of all N, drawn at random, cost M / N of the work and have a standard error of at most about 0.58 / sqrt(M).

# %%
rng = np.random.default_rng(0)
x = rng.standard_normal((4000, 64)).astype(np.float32)
layers = {"whole": x, "half": x[:, :32], "noisy": x + rng.standard_normal(x.shape).astype(np.float32)}
rows = {}
for n_queries in (100, 400, 1600, 4000):
    matrix = jaxsim.imbalance_matrix(layers, n_queries=n_queries)
    rows[n_queries] = {"value": matrix.values[1, 2], "standard error": matrix.standard_error[1, 2]}
pd.DataFrame(rows).T.rename_axis("query rows").round(4)

# %% [markdown]
# ## Several devices
#
# `devices=8` shards the samples over eight devices. On a machine without them, XLA can simulate some: enough to see
# that the numbers are the same, not to learn anything about speed.

# %%
program = textwrap.dedent(
    """
    import numpy as np, jax, jaxsim
    x = np.random.default_rng(0).standard_normal((1500, 16)).astype(np.float32)
    layers = [x, x[:, :8], np.tanh(x)]
    one, eight = (jaxsim.imbalance_matrix(layers, devices=n).values for n in (1, 8))
    print(len(jax.devices()), "devices, largest difference", float(abs(one - eight).max()))
    """
)
environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
told = subprocess.run(
    [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
).stdout
print(told)

# %% [markdown]
# ## Several hosts: a TPU VM
#
# The same command on every worker; the processes find each other, share the samples, and process 0 writes the report:
#
# ```bash
# gcloud compute tpus tpu-vm ssh my-tpu --worker=all --command='
#   pip install "./jaxsim_metrics-0.1.0-py3-none-any.whl[tpu]" &&
#   jaxsim compare google/vit-base-patch16-224 facebook/dinov2-base --images gs-mounted/photos \
#     --out /mnt/shared/study --distributed'
# ```
#
# From Python: call `jax.distributed.initialize()` first, then `jaxsim.compare` as on one host, with an `out=` that all
# hosts see.
#
# ## Reading the benchmark results
#
# `python -m benchmarks floor` (and `scaling`, `memory`, `devices`, `precision`, `peers`, `models`) append JSON lines
# to
# `benchmarks/results/`, with commit, versions, device and load; `python -m benchmarks report` turns them into tables,
# and
# `compare A B` flags what became slower.

# %%
root = Path.cwd() if (Path.cwd() / "benchmarks").is_dir() else Path.cwd().parent
sys.path.insert(0, str(root))
from benchmarks import records

lines = records.latest(records.read(root / "benchmarks" / "results" / "memory.jsonl"))
memory = pd.DataFrame(
    [
        {"N": line["key"]["n_samples"], "D": line["key"]["n_features"], "L": line["key"]["n_layers"], **line["found"]}
        for line in lines
    ]
)
memory

# %%
# What the prose above claims:
assert "8 devices, largest difference 0.0" in told
errors = [row["standard error"] for row in rows.values()]
assert all(error < 0.6 / np.sqrt(n) for n, error in zip(rows, errors, strict=True))
assert len(memory) >= 3
