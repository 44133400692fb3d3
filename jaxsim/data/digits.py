"""The embedded set: 1,797 real handwritten digits, packaged, so that everything can be tried offline."""

from dataclasses import dataclass
from importlib.resources import as_file, files

import numpy as np
from jaxtyping import Int

from jaxsim.data.arrays import ArraySource
from jaxsim.data.source import ImageSource

N_TRAIN = 1437


@dataclass(frozen=True)
class Digits:
    """The handwritten digits with labels and a fixed split.

    Writers come in blocks in this set, so the split is by position: the first 1,437 images train, the last
    360 are held out. An interleaved split would show the same hands on both sides, and accuracies that are
    too high.

    Attributes:
        source: all 1,797 images, 8 x 8, ids `digits/0000` to `digits/1796`, white ink on black.
        labels: `[1797]`, the digit 0..9.
        train: `[1437]`, positions in `source` for training.
        held_out: `[360]`, positions for testing.

    Source:
        Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning
        Repository, 1998 (CC BY 4.0): the part that scikit-learn ships as `load_digits`.
    """

    source: ImageSource
    labels: Int[np.ndarray, " n_samples"]
    train: Int[np.ndarray, " n_train"]
    held_out: Int[np.ndarray, " n_held_out"]


def digits() -> Digits:
    """Return the embedded handwritten digits.

    Example:
        >>> everything = digits()
        >>> len(everything.source), everything.source.load(0).shape
        (1797, (8, 8, 3))
        >>> held_out = everything.source.select(everything.held_out)
        >>> held_out.ids[0], int(everything.labels[everything.held_out[0]])
        ('digits/1437', 2)
    """
    with as_file(files("jaxsim.data") / "embedded" / "digits.npz") as path, np.load(path) as stored:
        images, labels = stored["images"], stored["labels"].astype(np.int64)
    source = ArraySource(
        images, prefix="digits/", digits=4, origin={"kind": "embedded", "name": "digits"}, columns={"digit": labels}
    )
    positions = np.arange(len(images))
    return Digits(source, labels, positions[:N_TRAIN], positions[N_TRAIN:])
