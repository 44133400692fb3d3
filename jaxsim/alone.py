"""No other distribution has put its files into this package's folder."""

from importlib.metadata import PackageNotFoundError, distribution


def check_alone() -> None:
    """Raises where the other project of this import name is installed in the same environment.

    `jaxsim` on PyPI is a physics engine. Both have a folder `jaxsim`, so that of two that are installed the later one
    has overwritten files of the earlier one, and what is imported is a mixture.

    Raises:
        ImportError: The other one is there; says how to be rid of the mixture.

    Example:
        >>> check_alone()
    """
    try:
        other = distribution("jaxsim")
    except PackageNotFoundError:
        return
    raise ImportError(
        f"expected jaxsim-metrics alone, got an environment that also holds jaxsim {other.version}, a physics engine "
        "that has the same import name: their files are mixed. Keep one of them in an environment: run `pip uninstall "
        "jaxsim jaxsim-metrics`, then install the one that you want here and the other in an environment of its own."
    )


check_alone()
