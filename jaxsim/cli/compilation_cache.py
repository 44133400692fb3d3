"""JAX's persistent compilation cache: the second run of a command need not compile again."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from pathlib import Path

from jaxsim.warn import warn

#: "off" switches the cache off, a path puts it there.
VARIABLE = "JAXSIM_COMPILATION_CACHE"
JAX_VARIABLE = "JAX_COMPILATION_CACHE_DIR"


def enable_compilation_cache() -> Path | None:
    """Switches the cache on, unless the user switched it off or configured JAX's own.

    Call it before JAX is imported: later, XLA's log level is settled.

    Returns:
        The cache's folder, None when it is off.
    """
    folder = compilation_cache_folder()
    if folder is None:
        return None
    # XLA on CPU calls its own tuning flags (prefer-no-gather) unsupported by the host whenever it loads a program from
    # the cache, in many kilobytes of log. Real differences between hosts cannot occur: see `_processor`.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ.get(JAX_VARIABLE) and not os.environ.get(VARIABLE):
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        warn(
            f"no compilation cache, {folder} cannot be made ({error.strerror}); "
            f"set {VARIABLE} to another folder or to off",
        )
        return None
    import jax

    jax.config.update("jax_compilation_cache_dir", str(folder))
    # A study compiles many small programs; the default keeps only those that took a second.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    return folder


def compilation_cache_folder() -> Path | None:
    """Where the cache is, None when it is off.

    The user's choice comes first, then JAX's own setting, then the user's cache folder.
    """
    choice = os.environ.get(VARIABLE, "")
    if choice.lower() in ("off", "0", "no", "false"):
        return None
    if not choice and os.environ.get(JAX_VARIABLE):
        return Path(os.environ[JAX_VARIABLE])
    return (Path(choice).expanduser() if choice else _user_cache() / "jaxsim") / f"compiled-{_processor()}"


def _processor() -> str:
    """A short key of this machine's processor.

    Programs for CPU are machine code for one processor, and home folders are shared between machines with others.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = [platform.processor()]
    told = [line for line in lines if line.startswith(("flags", "Features", "model name", "CPU part"))] or lines
    return hashlib.sha256("\n".join([platform.machine(), *sorted(set(told))]).encode()).hexdigest()[:8]


def _user_cache() -> Path:
    """The platform's folder for things that may be deleted."""
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"])
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
