"""Run by test_agreement in processes of their own: calls that differ between processes, one after another.

Usage: differing_program.py PROCESS_ID N_PROCESSES PORT. Prints a line for every call: its name, a tab, what was raised.
At the end a call that is alike in all processes.
"""

import sys

import jax

process, n_processes, port = (int(v) for v in sys.argv[1:4])
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(f"127.0.0.1:{port}", n_processes, process)

import numpy as np  # noqa: E402
from jaxsim_kernels import Options, all_pairs, make_placement, memory  # noqa: E402

from jaxsim.metrics import imbalance_matrix, label_overlap  # noqa: E402

rng = np.random.default_rng(0)
x = rng.standard_normal((200, 6)).astype(np.float32)
other = process == 1
y, z = x[:, :3], x[:, 2:] ** 2


def kernel(layers, **options):
    return all_pairs(layers, options=Options(**options), placement=make_placement())


half = np.arange(200)[None] % 2 == 1
CALLS = {
    "N": lambda: imbalance_matrix([x[: 200 - other], y[: 200 - other]]),
    "layers": lambda: imbalance_matrix([x, y, z][: 3 - other]),
    "width": lambda: imbalance_matrix([x, z[:, : 4 - other]]),
    "dtype": lambda: imbalance_matrix([x, y.astype(np.float64 if other else np.float32)]),
    "names": lambda: imbalance_matrix({"x": x, "b" if other else "a": y}),
    "values": lambda: imbalance_matrix([x, y + other]),
    "order of samples": lambda: imbalance_matrix([x[::-1] if other else x, y]),
    "k": lambda: imbalance_matrix([x, y], k=2 if other else 1),
    "further k": lambda: imbalance_matrix([x, y], k=(1, 2) if other else 1),
    "metric": lambda: imbalance_matrix([x, y], metric="cosine" if other else "euclidean"),
    "n_splits": lambda: imbalance_matrix([x, y], n_splits=2 + other),
    "groups": lambda: imbalance_matrix([x, y], groups=np.arange(200) // (2 + other)),
    "n_queries": lambda: imbalance_matrix([x, y], n_queries=100 + other),
    "seed": lambda: imbalance_matrix([x, y], n_queries=100, seed=process),
    "precision": lambda: imbalance_matrix([x, y], precision="fast" if other else "high"),
    "plan": lambda: imbalance_matrix([x, y], plan="one-pass" if other else "two-pass"),
    "budget": lambda: imbalance_matrix([x, y], budget=10**8 + process),
    "strict": lambda: imbalance_matrix([x, y], strict=other),
    "keep_rows": lambda: imbalance_matrix([x, y], keep_rows=other),
    "verify": lambda: imbalance_matrix([x, y], verify=other),
    "clip": lambda: imbalance_matrix([x, y], clip=(0.1, 0.9) if other else (0.05, 0.95)),
    "kernel N": lambda: kernel([x[: 200 - other]]),
    "kernel layers": lambda: kernel([x, y][: 2 - other]),
    "kernel options": lambda: kernel([x], ks=(1 + other,)),
    "kernel sides": lambda: all_pairs([x], placement=make_placement(), sides=half ^ (half & other)),
    "another function": lambda: imbalance_matrix([x]) if other else label_overlap(x, np.arange(200) % 3),
    "overlap k": lambda: label_overlap(x, np.arange(200) % 3, k=(1, 2 + process)),
}
for name, call in CALLS.items():
    try:
        call()
        print(name, "nothing", sep="\t", flush=True)
    except ValueError as error:
        print(name, str(error).replace("\n", " "), sep="\t", flush=True)
print("overlap", label_overlap(x, np.arange(200) % 3, k=(1, 4)).value.tolist(), sep="\t", flush=True)
# Machines of different memory are no difference of the call: the least counts for all.
memory.default_budget = lambda *_: (process + 1) * 3_000_000
print("memory", imbalance_matrix([x, y], n_splits=2).values.tolist(), sep="\t", flush=True)
print("alike", imbalance_matrix([x, y], n_splits=2).values.tolist(), sep="\t", flush=True)
