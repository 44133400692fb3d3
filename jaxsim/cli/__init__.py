"""The `jaxsim` command: a thin shell over studies and reports.

Nothing heavy is imported here, so that `jaxsim --help` answers at once; every command imports what it needs.
"""

from jaxsim.cli.entry import main

__all__ = ["main"]
