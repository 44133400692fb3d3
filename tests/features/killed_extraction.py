"""Run as a program: extract a folder of pictures into a folder of features, until killed; says when it begins."""

import sys

from jaxsim.features import extract, folder_writer

if __name__ == "__main__":
    # Beside this file, so found only when it is run as a program.
    from step_models import TinyModel

    folder_writer._MOST_BLOCK_ROWS = 20
    print("begins", flush=True)
    extract(TinyModel(seconds_per_image=0.004), sys.argv[1], out=sys.argv[2], batch_size=16, threads=2)
