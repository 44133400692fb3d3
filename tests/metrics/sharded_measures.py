# ruff: noqa: E402
"""Run by test_sharded_measures in processes of their own: all measures on several devices, compared with one.

Usage: sharded_measures.py PROCESS_ID N_PROCESSES PORT [NUMBERS_OF_DEVICES]
"""

import sys
import warnings

import jax

process, n_processes, port = (int(v) for v in sys.argv[1:4])
if n_processes > 1:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{port}", n_processes, process)

import numpy as np

from jaxsim.metrics import describe, describing_measures, measure, pair_measures

warnings.simplefilter("ignore")
rng = np.random.default_rng(5)
x = rng.standard_normal((1100, 24)).astype(np.float32)
y = x[:, :10] + 0.7 * rng.standard_normal((1100, 10)).astype(np.float32)
layers = {"x": x, "y": y, "z": rng.standard_normal((1100, 6)).astype(np.float32) + 10}
alone_on = jax.local_devices()[:1]
calls = ((measure, tuple(pair_measures())), (describe, tuple(describing_measures())))
options = {"k": (2, 5), "n_splits": 2}
alone = [call(layers, names, devices=alone_on, **options) for call, names in calls]
counts = [jax.device_count()] if n_processes > 1 else [int(n) for n in sys.argv[4].split(",")]
for n_devices in counts:
    for passes in (None, "two-pass"):
        for (call, names), expected in zip(calls, alone, strict=True):
            found = call(layers, names, devices=n_devices, plan=passes, **options)
            for name in names:
                for suffix in ("", "_halves"):
                    # Sums of float32 are added in another order; relative to values near 0 that is more.
                    np.testing.assert_allclose(
                        found[name + suffix].values, expected[name + suffix].values, rtol=2e-5, atol=2e-5,
                        err_msg=f"{n_devices} {passes} {name}{suffix}",
                    )  # fmt: skip
print("equal", process, jax.device_count())
