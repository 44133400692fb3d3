"""Virtual environments of peers that cannot live beside today's JAX and NumPy: made once, kept in a cache folder."""

import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

FOLDER_VARIABLE = "JAXSIM_BENCHMARK_PEERS"
"""Names the folder that holds the environments; by default one in the user's cache."""

_PATIENCE = 3600


class Absent(Exception):
    """A peer that cannot be run here; the message says why."""


@dataclass(frozen=True)
class PeerEnvironment:
    """An environment for one peer.

    Attributes:
        name: Of the peer.
        requirements: What pip installs into it.
    """

    name: str
    requirements: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where the environment is or would be; another Python or other requirements have another folder."""
        what = "-".join(r.replace("==", "-").replace(">=", "-from-") for r in self.requirements)
        return environments_folder() / f"{what}-py{sys.version_info.major}.{sys.version_info.minor}"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def ready(self) -> bool:
        """Whether it was made to the end."""
        return self._marker.exists() and self.python.exists()

    @property
    def _marker(self) -> Path:
        return self.folder / "installed.json"

    def provide(self, install: bool = True) -> dict[str, str]:
        """Make the environment unless it is there.

        Args:
            install: Whether making it is allowed.

        Returns:
            Versions of what it holds.

        Raises:
            Absent: If it is not there and may not or cannot be made; says why.
        """
        if not self.ready:
            if not install:
                raise Absent(f"not installed ({' '.join(self.requirements)}), and --no-install was given")
            self._make()
        return json.loads(self._marker.read_text())

    def _make(self) -> None:
        # A folder without its marker was left half-made.
        shutil.rmtree(self.folder, ignore_errors=True)
        print(f"installing {' '.join(self.requirements)} in an environment of its own, once ...", file=sys.stderr)
        try:
            venv.create(self.folder, with_pip=True)
            self._pip("install", "--quiet", *self.requirements)
            listed = json.loads(self._pip("list", "--format", "json"))
        except (OSError, subprocess.SubprocessError) as error:
            raise Absent(f"{' '.join(self.requirements)} could not be installed: {_reason(error)}") from error
        self._marker.write_text(json.dumps({entry["name"]: entry["version"] for entry in listed}))

    def _pip(self, *words: str) -> str:
        command = [str(self.python), "-m", "pip", "--disable-pip-version-check", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=_PATIENCE).stdout


def environments_folder() -> Path:
    """The folder that holds the environments."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "jaxsim" / "benchmark-peers"


def _reason(error: Exception) -> str:
    said = getattr(error, "stderr", None)
    said = said.decode(errors="replace") if isinstance(said, bytes) else said
    errors = [line.strip() for line in (said or "").splitlines() if "error" in line.lower()]
    return errors[-1] if errors else str(error)
