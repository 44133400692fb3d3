"""Joining the processes of a TPU pod slice or a cluster."""

from __future__ import annotations

import os

import jax

ADDRESS, COUNT, INDEX = "JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"


def join_hosts() -> None:
    """Connects this process with the others.

    TPU pods, SLURM, Open MPI and Kubernetes are recognised. Elsewhere three environment variables say who is who:
    `JAX_COORDINATOR_ADDRESS` (host:port of process 0), `JAX_NUM_PROCESSES` and `JAX_PROCESS_ID`.

    Raises:
        ValueError: If only some of the variables are set, one is not a number, or nothing tells who the others are.
    """
    given = {name: os.environ[name] for name in (ADDRESS, COUNT, INDEX) if os.environ.get(name)}
    if given and len(given) < 3:
        missing = ", ".join(name for name in (ADDRESS, COUNT, INDEX) if name not in given)
        raise ValueError(f"expected {ADDRESS}, {COUNT} and {INDEX} together for --distributed, but not set: {missing}")
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        if given:
            jax.distributed.initialize(given[ADDRESS], int(given[COUNT]), int(given[INDEX]))
        else:
            jax.distributed.initialize()
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"--distributed could not join the other processes: {error}. Start the same command on every host; where "
            f"the cluster is not recognised, set {ADDRESS} (host:port of process 0), {COUNT} and {INDEX}."
        ) from error
