"""Labels of samples: categories, given as strings or integers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from jaxsim.wording import counted


def label_codes(
    labels: Any, *, name: str, n_samples: int | None = None, ids: Sequence[Any] | None = None
) -> tuple[Int[np.ndarray, " n_samples"], tuple[str, ...]]:
    """Labels as integers, with the names of the classes in sorted order.

    Args:
        labels: Strings or integers, one for each sample: a sequence or an array of one dimension.
        name: What to call them in an error.
        n_samples: How many there should be.
        ids: What to call the samples in an error; their places by default.

    Returns:
        The class of every sample `[n_samples]` and the classes.

    Raises:
        ValueError: For another number or shape, a missing label (None, NaN, ""), a number that is no integer, a single
            class, or classes of one sample each.

    Example:
        >>> codes, classes = label_codes(["dog", "cat", "dog"], name="class")
        >>> codes.tolist(), classes
        ([1, 0, 1], ('cat', 'dog'))
    """
    if isinstance(labels, (str, bytes)) or not hasattr(labels, "__len__"):
        raise ValueError(f"expected {name!r} as one string or integer for each sample, got {labels!r}")
    shape = np.shape(labels)
    if len(shape) != 1:
        raise ValueError(
            f"expected {name!r} as one string or integer for each sample, got an array of shape {list(shape)}; of "
            "vectors with a single 1 take the argmax"
        )
    if n_samples is not None and len(labels) != n_samples:
        raise ValueError(
            f"expected one label in {name!r} for each of the {counted(n_samples, 'sample')}, got {len(labels)}"
        )
    samples = range(len(labels)) if ids is None else ids
    texts = [label_text(each, name, sample) for sample, each in zip(samples, labels, strict=True)]
    classes, codes = np.unique(np.array(texts, dtype=object).astype(str), return_inverse=True)
    if len(classes) == 1:
        raise ValueError(
            f"expected at least two classes in {name!r}, but all {len(texts)} samples are {str(classes[0])!r}: every "
            "neighbour shares the label whatever the representation"
        )
    if len(classes) == len(texts):
        raise ValueError(
            f"expected some samples of {name!r} to share a class, but all {len(texts)} labels differ: no neighbour can "
            "share a label; give spaces= for what differs from sample to sample"
        )
    return codes.astype(np.int64), tuple(str(each) for each in classes)


def label_text(label: Any, name: str, sample: Any) -> str:
    """One label as text.

    Raises:
        ValueError: If it is missing, or neither a string nor an integer; says which sample.

    Example:
        >>> label_text(np.int64(3), "class", 0), label_text("cat", "class", 0)
        ('3', 'cat')
    """
    if isinstance(label, bytes):
        label = label.decode()
    label = label.item() if hasattr(label, "item") and np.ndim(label) == 0 else label
    if isinstance(label, (bool, int)):
        return str(label)
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    if isinstance(label, str) and label.strip():
        return label
    if label is None or isinstance(label, str) or not _equals_itself(label):
        raise ValueError(f"expected a label for every sample in {name!r}, but sample {sample!r} has none ({label!r})")
    raise ValueError(
        f"expected {name!r} as strings or integers, but sample {sample!r} has {label!r}; labels are categories, "
        "numbers go to spaces="
    )


def _equals_itself(value: Any) -> bool:
    """False for the missing values that differ from themselves or will not say."""
    try:
        return bool(value == value)
    except TypeError:
        return False
