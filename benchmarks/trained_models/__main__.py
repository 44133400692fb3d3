"""`python -m benchmarks.trained_models`, from the root of the repository."""

import sys

from benchmarks.trained_models.command_line import main

if __name__ == "__main__":
    sys.exit(main())
