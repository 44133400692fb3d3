"""Libraries that jaxsim can do without: imported when something needs them."""

import importlib
from types import ModuleType


def optional_library(name: str, purpose: str, package: str | None = None) -> ModuleType:
    """Imports a library that is not among jaxsim's dependencies.

    Args:
        name: Of the module.
        purpose: What it is needed for, as the end of "... is needed to".
        package: What to install; by default the first part of the name.

    Raises:
        ValueError: If it is not installed; says what to install.

    Example:
        >>> optional_library("json", "read JSON").__name__
        'json'
        >>> optional_library("no_such_library", "read Parquet files")
        Traceback (most recent call last):
        ...
        ValueError: no_such_library is needed to read Parquet files, and is not installed: pip install no_such_library
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        wanted = package or name.partition(".")[0]
        raise ValueError(f"{wanted} is needed to {purpose}, and is not installed: pip install {wanted}") from error
