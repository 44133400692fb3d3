"""JAX's persistent compilation cache: the second run of a command need not compile again."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

#: "off" switches the cache off, a path puts it there.
VARIABLE = "JAXSIM_COMPILATION_CACHE"


def enable_compilation_cache() -> Path | None:
    """Switches the cache on, unless the user switched it off or configured JAX's own.

    Returns:
        The cache's folder, None when it is off.
    """
    import jax

    folder = compilation_cache_folder()
    if folder is None or os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        warnings.warn(
            f"no compilation cache, {folder} cannot be made ({error.strerror}); "
            f"set {VARIABLE} to another folder or to off",
            stacklevel=2,
        )
        return None
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
    if choice:
        return Path(choice).expanduser()
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
    return _user_cache() / "jaxsim" / "compiled"


def _user_cache() -> Path:
    """The platform's folder for things that may be deleted."""
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"])
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
