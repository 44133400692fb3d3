"""Fresh processes that measure: started with an environment of their own, spoken to in JSON lines."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from benchmarks.records import ROOT


class WorkerError(RuntimeError):
    """A worker ended without an answer; the message carries the end of what it said."""


class Worker:
    """A process that answers requests, see `serving.serve`.

    Args:
        command: Words after the interpreter, such as `["-m", "benchmarks.memory_worker"]`.
        python: Interpreter.
        settings: Environment variables on top of this process's; an empty value removes one.
    """

    def __init__(
        self, command: Sequence[str], python: str = sys.executable, settings: Mapping[str, str] | None = None
    ) -> None:
        environment = dict(os.environ)
        # A worker finds the sources where they stand, installed or not; other interpreters only the protocol.
        own = [str(ROOT), str(ROOT / "kernels")] if python == sys.executable else [str(ROOT)]
        inherited = environment.get("PYTHONPATH", "").split(os.pathsep) if python == sys.executable else []
        environment["PYTHONPATH"] = os.pathsep.join([*own, *filter(None, inherited)])
        environment.update(settings or {})
        environment = {name: value for name, value in environment.items() if value}
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  closed by stop()
        self._process = subprocess.Popen(
            [python, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env=environment,
            cwd=ROOT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(patience=10 if kind is None else 1)

    def stop(self, patience: float = 10) -> None:
        """End the process: its input closes, and after `patience` seconds it is killed."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Raises:
            WorkerError: If the process ended instead.
        """
        self.send(request)
        return self.receive()

    def send(self, request: Mapping[str, Any]) -> None:
        """Send a request and do not wait."""
        if self._process.stdin is None:
            raise WorkerError("the worker has no input")
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise WorkerError(self._last_words()) from error

    def receive(self) -> dict[str, Any]:
        """The answer to a request that was sent.

        Raises:
            WorkerError: If the process ended instead.
        """
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise WorkerError(self._last_words())
        return json.loads(line)

    def _last_words(self) -> str:
        code = self._process.wait()
        self._said.seek(0)
        words = self._said.read().strip().splitlines()[-6:]
        return f"a worker process ended with exit code {code}: " + (" / ".join(words) or "it said nothing")
