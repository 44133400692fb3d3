"""Write `digits.npz`, the packaged set, from scikit-learn's copy of the UCI handwritten digits.

Run once, from the repository, where scikit-learn is installed (the `dev` extra):

    python jaxsim/data/embedded/write_digits.py

The 1,797 images are the test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak,
UCI Machine Learning Repository, 1998, CC BY 4.0), 8 x 8 counts 0..16 of ink. They are stored as uint8,
scaled to 0..255 and rounded, white ink on black as in the original, in the original order.
"""

import importlib.metadata
from pathlib import Path

import numpy as np


def main() -> None:
    """Read the table that scikit-learn ships and write the archive beside this file."""
    files = importlib.metadata.files("scikit-learn") or []
    table_path = next(f for f in files if f.name == "digits.csv.gz").locate()
    table = np.loadtxt(str(table_path), delimiter=",")
    images = np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)
    target = Path(__file__).with_name("digits.npz")
    np.savez_compressed(target, images=images, labels=table[:, -1].astype(np.uint8))


if __name__ == "__main__":
    main()
