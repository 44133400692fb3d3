"""Run as a program: extract slowly into a folder, until killed. Prints the number of images done."""

import signal
import sys

from jaxsim.data import open_images
from jaxsim.features import extract, folder_writer

if __name__ == "__main__":
    # A test run in the background of a shell starts with Ctrl-C switched off.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Beside this file, so found only when it is run as a program.
    from step_models import TinyModel

    folder_writer._MOST_BLOCK_ROWS = 50
    extract(
        TinyModel(seconds_per_image=float(sys.argv[2])),
        open_images("digits").subset(300),
        out=sys.argv[1],
        progress=lambda done, total, what: print(done, flush=True),
    )
