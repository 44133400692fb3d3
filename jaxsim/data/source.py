"""What every image source offers, and the error of an image that cannot be decoded."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8

from jaxsim.arguments import as_count, check_count, shown
from jaxsim.wording import counted


class DamagedImage(ValueError):
    """An image that was read and cannot be decoded.

    Attributes:
        image: the file or sample that is damaged.
        reason: what the decoder said.

    Example:
        >>> error = DamagedImage("photos/a.jpg", "image file is truncated")
        >>> str(error)
        'damaged image photos/a.jpg: image file is truncated'
    """

    def __init__(self, image: str, reason: str):
        super().__init__(f"damaged image {image}: {reason}")
        self.image = image
        self.reason = reason

    def __reduce__(self):
        return type(self), (self.image, self.reason)


class NoSuchImage(IndexError, ValueError):
    """A position at which a source has no image."""


def checked_position(index: Any, n_images: int) -> int:
    """A position in a source of so many images; none counts from the end.

    Raises:
        NoSuchImage: If it is not an integer in range.

    Example:
        >>> checked_position(np.int64(2), 3)
        2
    """
    position = as_count(index)
    if position is None or not 0 <= position < n_images:
        raise NoSuchImage(f"expected the position of an image, an integer from 0 to {n_images - 1}, got {shown(index)}")
    return position


class ImageSource(ABC):
    """A fixed, ordered set of images with an id each.

    To add a kind of source, inherit and write `ids`, `description` and `load`.
    """

    @property
    @abstractmethod
    def ids(self) -> tuple[str, ...]:
        """One id for each image, unique, in the order of the source."""
        ...

    @property
    @abstractmethod
    def description(self) -> dict[str, Any]:
        """JSON-able account of the images: `kind`, `n_images`, `fingerprint` and where they are from.

        Two sources with the same ids and another `fingerprint` hold different images.
        """

    @abstractmethod
    def load(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """Decode the image at a position.

        Args:
            index: position in `ids`.

        Returns:
            RGB, uint8, 0..255.

        Raises:
            DamagedImage: the image cannot be decoded; names the file.
            NoSuchImage: there is no such position.
        """

    def image_size(self, index: int) -> tuple[int, int]:
        """Return (height, width) of the image at a position; sources that know it without decoding say so here.

        Args:
            index: position in `ids`.

        Raises:
            DamagedImage: the image cannot be decoded.

        Example:
            >>> import jaxsim.data
            >>> jaxsim.data.open_images("digits").image_size(0)
            (8, 8)
        """
        height, width = self.load(index).shape[:2]
        return height, width

    @property
    def origin(self) -> dict[str, Any]:
        """The `description` without number and fingerprint: where the images are from."""
        return {key: value for key, value in self.description.items() if key not in ("n_images", "fingerprint")}

    def fingerprint_at(self, indices: Sequence[int]) -> str:
        """Return a fingerprint of the images at some positions.

        Args:
            indices: positions in `ids`.
        """
        return fingerprint_of([self.description["fingerprint"], *(self.ids[index] for index in indices)])

    def contents(self) -> dict[str, Any] | None:
        """Return what is known of the image files, so that a later run need not read them again; None without files.

        Id -> [size, time of modification, time of change, hash of the content]; times in nanoseconds.
        """
        return None

    def take_contents(self, known: Mapping[str, Any]) -> None:  # noqa: B027 (sources without files have none)
        """Take over what an earlier run knew of the image files; a file whose size or times differ is read again.

        Args:
            known: what `contents` returned.
        """

    @property
    def columns(self) -> Mapping[str, Sequence[Any]]:
        """Labels and groups that come with the images: name -> one value for each; empty where there are none."""
        return {}

    def column(self, name: str) -> tuple[Any, ...]:
        """Return a column, such as labels for `compare(labels={"class": ...})` or groups for `compare(groups=...)`.

        Args:
            name: one of `columns`.

        Raises:
            ValueError: there is no such column.

        Example:
            >>> import jaxsim.data
            >>> jaxsim.data.open_images("digits").column("digit")[:3]
            (0, 1, 2)
        """
        columns = self.columns
        if name not in columns:
            there = ", ".join(map(repr, columns)) or "none"
            raise ValueError(f"expected a column of the images ({there}), got {shown(name)}")
        return tuple(columns[name])

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, indices: Sequence[int] | np.ndarray) -> "ImageSource":
        """Return the images at some positions, in the order given.

        Args:
            indices: positions in `ids`, each at most once.

        Raises:
            ValueError: no position, a position twice, or one that does not exist.

        Example:
            >>> import jaxsim.data
            >>> jaxsim.data.open_images("digits").select([3, 1]).ids
            ('digits/0003', 'digits/0001')
        """
        return Selection(self, indices)

    def subset(self, n: int, seed: int = 0, *, stratify: Any = None) -> "ImageSource":
        """Draw images at random, without replacement, and keep the order of the source.

        Subsets of one seed are nested: `subset(100, s)` is contained in `subset(200, s)`.

        Args:
            n: how many, 1..len(self).
            seed: of the draw.
            stratify: labels, one for each image, or the name of a column, of which every value gets its share of the
                subset, to within one image. Such subsets are nested but for the images that rounding moves.

        Raises:
            ValueError: `n` is below one or larger than the source, or the labels do not fit.

        Example:
            >>> import jaxsim.data
            >>> jaxsim.data.open_images("digits").subset(3, seed=0).ids
            ('digits/0360', 'digits/1482', 'digits/1773')
        """
        seed, count = check_count("seed", seed, 0), as_count(n)
        if count is None or not 1 <= count <= len(self):
            raise ValueError(
                f"a subset must have between 1 and {len(self)} images (the size of the source), came {shown(n)}: "
                "ask for fewer or open more images"
            )
        order = np.random.default_rng(seed).permutation(len(self))
        if stratify is None:
            return self.select(np.sort(order[:count]))
        labels = self.column(stratify) if isinstance(stratify, str) else stratify
        return self.select(np.sort(stratified(order, count, labels)))


class Selection(ImageSource):
    """Some images of another source."""

    def __init__(self, parent: ImageSource, indices: Sequence[int] | np.ndarray):
        positions = np.asarray(indices)
        if positions.ndim != 1 or positions.size == 0 or positions.dtype.kind not in "iu":
            raise ValueError(
                "expected a non-empty list of integer positions, "
                f"came an array of shape {positions.shape} and dtype {positions.dtype}"
            )
        outside = positions[(positions < 0) | (positions >= len(parent))]
        if outside.size:
            raise ValueError(f"positions must be in 0..{len(parent) - 1}, came {outside[0]}")
        if np.unique(positions).size != positions.size:
            raise ValueError("a position came twice: every sample of a source has its own id, so select it once")
        self._parent = parent
        self._positions = tuple(int(p) for p in positions)
        self._ids = tuple(parent.ids[p] for p in self._positions)

    @property
    def ids(self) -> tuple[str, ...]:
        """One id for each image."""
        return self._ids

    @property
    def description(self) -> dict[str, Any]:
        """The parent's account with the new number of images and fingerprint."""
        fingerprint = self._parent.fingerprint_at(self._positions)
        return self._parent.origin | {"n_images": len(self), "fingerprint": fingerprint}

    def fingerprint_at(self, indices: Sequence[int]) -> str:
        """A fingerprint of the images at some positions."""
        return self._parent.fingerprint_at([self._positions[index] for index in indices])

    def contents(self) -> dict[str, Any] | None:
        """What is known of the parent's files."""
        return self._parent.contents()

    def take_contents(self, known: Mapping[str, Any]) -> None:
        """Hand on to the parent what an earlier run knew."""
        self._parent.take_contents(known)

    @property
    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The parent's, of the images chosen."""
        return {name: [values[at] for at in self._positions] for name, values in self._parent.columns.items()}

    def load(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """Decode the image at a position."""
        return self._parent.load(self._positions[checked_position(index, len(self))])

    def image_size(self, index: int) -> tuple[int, int]:
        """(height, width) of the image at a position."""
        return self._parent.image_size(self._positions[checked_position(index, len(self))])


def stratified(order: np.ndarray, count: int, labels: Any) -> np.ndarray:
    """Positions of which every label has its share, the first of its own in a given order.

    Args:
        order: All positions, in the order in which they are drawn.
        count: How many to take.
        labels: One for each position: texts or numbers.

    Raises:
        ValueError: There is another number of labels.

    Example:
        >>> stratified(np.array([0, 1, 2, 3, 4, 5]), 3, ["a", "a", "a", "a", "b", "b"]).tolist()
        [0, 1, 4]
    """
    names = [str(each) for each in (labels.tolist() if isinstance(labels, np.ndarray) else labels)]
    if len(names) != len(order):
        raise ValueError(
            f"expected stratify with a label for each of the {counted(len(order), 'image')}, got {len(names)}"
        )
    classes, codes = np.unique(np.array(names), return_inverse=True)
    shares = np.bincount(codes) * count / len(order)
    taken = np.floor(shares).astype(np.int64)
    # Largest remainder; of equal ones the first by name.
    taken[np.argsort(-(shares - taken), kind="stable")[: count - int(taken.sum())]] += 1
    own = [order[codes[order] == code][: taken[code]] for code in range(len(classes))]
    return np.concatenate(own)


def fingerprint_of(parts: Sequence[str]) -> str:
    """Return the sha256 of a list of texts, hexadecimal; ("ab", "c") and ("a", "bc") differ.

    Example:
        >>> fingerprint_of(["ab", "c"]) == fingerprint_of(["a", "bc"])
        False
    """
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogateescape")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()
