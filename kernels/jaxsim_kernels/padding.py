"""Padded sizes, so that any number of samples and any layer width meets a program that is compiled already."""

COLUMN_MULTIPLE = 512
"""Samples are padded to a multiple of this: the counting loop walks the columns in steps of it."""

TILE = COLUMN_MULTIPLE
"""Rows and columns of a tile of a symmetric matrix: it divides every padded number of samples."""

_STEPS_PER_OCTAVE = 8


def padded_samples(n_samples: int, multiple: int = COLUMN_MULTIPLE) -> int:
    """Number of columns that `n_samples` are padded to: at most 1/8 more from 4096 samples on.

    Args:
        n_samples: Number of samples.
        multiple: Every size is a multiple of this.

    Returns:
        The padded number.

    Example:
        >>> padded_samples(4096), padded_samples(5000)
        (4096, 5120)
    """
    return _bucket(n_samples, multiple)


def padded_features(n_features: int) -> int:
    """Width that `n_features` are padded to with zeros, which change no distance.

    Args:
        n_features: Width of a representation.

    Returns:
        The padded width; usual widths (64, 96, 192, 384, 768, 1408) stay as they are.

    Example:
        >>> padded_features(384), padded_features(385)
        (384, 416)
    """
    return _bucket(n_features, 16)


def _bucket(size: int, multiple: int) -> int:
    step = max(multiple, (1 << max(size - 1, 1).bit_length() - 1) // _STEPS_PER_OCTAVE)
    step = -(-step // multiple) * multiple
    return -(-size // step) * step
