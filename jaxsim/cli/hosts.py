"""Joining the processes of a TPU pod slice or a cluster, and hearing of each other's end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

import jax
from jax._src import distributed  # JAX has no public way to its store of keys and values.

from jaxsim.arguments import shown, whole_number
from jaxsim.cli import witness
from jaxsim.cli.signals import tell_at_the_end

ADDRESS, COUNT, INDEX = "JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"

#: Seconds after which a process says for whom it waits, and after which it gives up.
PATIENCE_SECONDS, JOIN_SECONDS = 5, 120
#: Seconds after which JAX takes a process for lost that gives no sign, such as one whose machine is gone.
HEARTBEAT_SECONDS = 10

_done: list[Any] = []


def join_hosts() -> None:
    """Connects this process with the others.

    TPU pods, SLURM, Open MPI and Kubernetes are recognised. Elsewhere three environment variables say who is who:
    `JAX_COORDINATOR_ADDRESS` (host:port of process 0), `JAX_NUM_PROCESSES` and `JAX_PROCESS_ID`. From then on the end
    of one process ends all, within seconds, each with a line that names it.

    Raises:
        ValueError: If only some of the variables are set, one is not a number, nothing tells who the others are, or
            they do not come within two minutes.
    """
    given = {name: os.environ[name] for name in (ADDRESS, COUNT, INDEX) if os.environ.get(name)}
    if given and len(given) < 3:
        missing = ", ".join(name for name in (ADDRESS, COUNT, INDEX) if name not in given)
        raise ValueError(f"expected {ADDRESS}, {COUNT} and {INDEX} together for --distributed, but not set: {missing}")
    count, index = (whole_number(given.get(name, "0")) for name in (COUNT, INDEX))
    if given and (count is None or index is None or index >= count):
        raise ValueError(
            f"expected {COUNT} as the number of processes and {INDEX} as a number from 0 below it, got "
            f"{shown(given[COUNT])} and {shown(given[INDEX])}"
        )
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    # It would take SIGTERM for itself.
    jax.config.update("jax_enable_preemption_service", False)
    who = f"process {given[INDEX]} of {given[COUNT]}" if given else "this process"
    where = f"process 0 at {given[ADDRESS]}" if given.get(INDEX, "0") != "0" else "the other processes"
    text = (
        f"{who} waits for {where}: start the same command on every host; it gives up {JOIN_SECONDS} s after its start"
    )
    waiting = threading.Timer(PATIENCE_SECONDS, print, args=(text,), kwargs={"file": sys.stderr, "flush": True})
    waiting.daemon = True
    waiting.start()
    limits: dict[str, Any] = {
        "initialization_timeout": JOIN_SECONDS,
        "heartbeat_timeout_seconds": HEARTBEAT_SECONDS,
        "shutdown_timeout_seconds": HEARTBEAT_SECONDS,
    }
    try:
        if given:
            jax.distributed.initialize(given[ADDRESS], count, index, **limits)
        else:
            jax.distributed.initialize(**limits)
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"--distributed could not join the other processes: {str(error).splitlines()[0]}. Start the same command "
            f"on every host; where the cluster is not recognised, set {ADDRESS} (host:port of process 0), {COUNT} and "
            f"{INDEX}."
        ) from error
    finally:
        waiting.cancel()
    _start_witness()


def leave_hosts() -> None:
    """Says that this process ends well, and takes leave of the others; nothing happens where there are none."""
    while _done:
        _done.pop()()
    if jax.distributed.is_initialized():
        jax.distributed.shutdown()


def _start_witness() -> None:
    """Starts the witness of this process and connects it with that of process 0."""
    state = distributed.global_state
    client, index, count = state.client, state.process_id, state.num_processes
    if client is None or count == 1:
        return
    command = [sys.executable, str(Path(witness.__file__)), str(index), str(count), str(os.getpid())]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    to_witness, from_witness = _both_pipes(started)

    def send(**message: Any) -> None:
        try:
            to_witness.write(json.dumps(message).encode() + b"\n")
            to_witness.flush()
        except OSError:
            return  # the witness ended: it has told already

    key = "jaxsim/witness"
    if index == 0:
        client.key_value_set(key, from_witness.readline().decode())
    else:
        address = json.loads(client.blocking_key_value_get(key, JOIN_SECONDS * 1000))
        host = str(state.coordinator_address).rsplit(":", 1)[0].strip("[]")
        send(host=host, **address)
        answer = json.loads(from_witness.readline() or b"{}")
        if not answer.get("connected"):
            print(
                f"warning: process {index} cannot watch process 0 ({answer.get('why', 'no answer')}); a lost process "
                f"will be noticed after {HEARTBEAT_SECONDS} s or more",
                file=sys.stderr,
                flush=True,
            )

    def end_when_told() -> None:
        for line in from_witness:
            if json.loads(line).get("end"):
                os._exit(1)

    threading.Thread(target=end_when_told, name="witness", daemon=True).start()

    def last_words(text: str) -> None:
        send(said=text)
        try:
            started.wait(2 * witness.END_SECONDS)
        except subprocess.TimeoutExpired:
            return  # the others will hear of the end itself

    tell_at_the_end(last_words)
    _done.append(lambda: send(done=True))


def _both_pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("expected a witness with pipes, got one without")
    return process.stdin, process.stdout
