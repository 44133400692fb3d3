"""`python -m benchmarks SUBCOMMAND [options]`, from the root of the repository."""

import sys

from benchmarks.command_line import main

if __name__ == "__main__":
    sys.exit(main())
