"""Versions of what results depend on."""

from __future__ import annotations

import importlib.metadata
import platform

#: Packages whose versions go into the results.
RECORDED = ("jaxsim-metrics", "jax", "jaxlib", "flax", "numpy", "transformers", "pillow", "xarray")


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on.

    Example:
        >>> sorted(package_versions())[:3]
        ['flax', 'jax', 'jaxlib']
    """
    return {"python": platform.python_version()} | {name: package_version(name) for name in RECORDED}


def package_version(name: str) -> str:
    """The installed version of a distribution, "not installed" where it runs from a source tree alone.

    Example:
        >>> package_version("numpy").count(".") >= 1
        True
    """
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
