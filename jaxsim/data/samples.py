"""Images of other libraries' data sets: torch, grain, datasets, and whatever has items or is gone through."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import PIL.Image
from jaxtyping import UInt8

from jaxsim.arguments import shown
from jaxsim.data.encoded import ContentSource, columns_of
from jaxsim.data.source import DamagedImage, ImageSource, checked_position, fingerprint_of
from jaxsim.pixels import rgb_pixels
from jaxsim.sample_ids import ID_KEYS, checked_ids, numbered_ids
from jaxsim.wording import counted

_USUAL = ("image", "img", "images", "pixel_values", "jpg", "png")
_CURE = "give ids=, or ids=False to number the images"
# Images that were passed by and may still be asked for: threads ask a little out of order.
_KEPT = 64
_STEPS = 1e-3


class SampleSource(ContentSource):
    """The images of a data set with a length and items, by position: of torch, grain or the datasets library.

    An item is an image, or a tuple or list that begins with one and goes on with labels, or a mapping. An image is
    a Pillow image, or an array or tensor of uint8 `[H, W]`, `[H, W, 3]` or `[3, H, W]`, or of floats in 0..1 that stand
    for whole 255ths, as torchvision's `ToTensor` makes them. Items are asked for by several threads at once.

    Args:
        samples: The data set. It must give the images as they are: a model brings preprocessing of its own.
        key: The entry of an item that is the image, where items are mappings.
        ids: One id for each image, or the entry of an item that is it; by default the usual names, otherwise images are
            numbered. False numbers them.

    Raises:
        ValueError: If there is no item, the first is no image, or ids do not fit.

    Example:
        >>> pairs = [(PIL.Image.new("L", (4, 3), i), i % 2) for i in range(6)]
        >>> source = SampleSource(pairs)
        >>> source.load(5).shape, source.column("label")
        ((3, 4, 3), (0, 1, 0, 1, 0, 1))
    """

    def __init__(self, samples: Any, *, key: str | None = None, ids: Any = None):
        super().__init__()
        self._samples, self._n = samples, len(samples)
        if self._n == 0:
            raise ValueError(f"expected at least one image, but the {type(samples).__name__} is empty")
        first = samples[0]
        self._key = _image_key(first, key)
        pixels_of(_image_in(first, self._key))
        entry = _id_entry(first, ids)
        if entry is not None:
            self._ids = checked_ids([_parts(samples[i])[entry] for i in range(self._n)], self._n, repr(entry), _CURE)
        else:
            self._ids = numbered_ids(self._n) if ids in (None, False) else checked_ids(ids, self._n, "ids", _CURE)

    @property
    def ids(self) -> tuple[str, ...]:
        """As given, or numbers."""
        return self._ids

    @property
    def origin(self) -> dict[str, Any]:
        """Kind and class of the data set."""
        return {"kind": "data set", "class": _class_of(self._samples)}

    @property
    def description(self) -> dict[str, Any]:
        """Origin and number of images; the fingerprint is of ids and pixels, or the data set's own where it has one."""
        own = getattr(self._samples, "_fingerprint", None)
        if not isinstance(own, str):
            return super().description
        return self.origin | {"n_images": len(self), "fingerprint": fingerprint_of([own, *self._ids])}

    @property
    def columns(self) -> Mapping[str, tuple[Any, ...]]:
        """What comes beside the image in every item, where it is a text or a number."""
        return self._columns

    @cached_property
    def _columns(self) -> Mapping[str, tuple[Any, ...]]:
        rows = [_parts(self._samples[i]) for i in range(self._n)]
        names = [name for name in rows[0] if name != self._key and all(name in row for row in rows)]
        return columns_of({name: [_plain(row[name]) for row in rows] for name in names})

    def load(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """Get the item at a position and its image as RGB."""
        place = checked_position(index, len(self))
        try:
            item = self._samples[place]
        # Items come from anybody's code.
        except Exception as error:
            raise DamagedImage(self._ids[place], f"{type(error).__name__}: {error}") from error
        return _loaded(_image_in(item, self._key), self._ids[place])

    def content(self, index: int) -> bytes:
        """The pixels."""
        pixels = self.load(index)
        return f"{pixels.shape}".encode() + pixels.tobytes()


class StreamSource(ImageSource):
    """The images of what can only be gone through: a torch `IterableDataset`, a grain `IterDataset`.

    It is gone through once when it is opened, to count and hash the images, and again for every model. Positions that
    were passed more than 64 images ago start it over, so subsets are best drawn before. It must give the same images
    in the same order every time; where it does not, that is an error.

    Args:
        stream: Gives a new iterator whenever it is asked; its items are as those of `SampleSource`.
        key: The entry of an item that is the image, where items are mappings.
        ids: As for `SampleSource`.

    Raises:
        ValueError: If it is empty or endless, an item is no image, or ids do not fit.
    """

    def __init__(self, stream: Iterable[Any], *, key: str | None = None, ids: Any = None):
        if isinstance(stream, Iterator):
            raise ValueError(
                f"expected something that can be gone through again, got the iterator {type(stream).__name__}, which "
                "is used up after once; give what it is made from, or a list"
            )
        self._stream, self._key = stream, key
        self._lock = threading.Lock()
        self._at, self._kept = 0, OrderedDict[int, Any]()
        hashes, rows = [], []
        for item in stream:
            self._key = _image_key(item, key) if not hashes else self._key
            hashes.append(_hash(_image_in(item, self._key)))
            rows.append({name: _plain(each) for name, each in _parts(item).items() if name != self._key})
        if not hashes:
            raise ValueError(f"expected at least one image, but the {type(stream).__name__} is empty")
        self._hashes = tuple(hashes)
        self._items = iter(stream)
        names = [name for name in rows[0] if all(name in row for row in rows)]
        self._columns = columns_of({name: [row[name] for row in rows] for name in names})
        entry = _id_entry(rows[0], ids)
        given = numbered_ids(len(rows)) if ids in (None, False) else ids
        self._ids = checked_ids(given if entry is None else [row[entry] for row in rows], len(rows), "ids", _CURE)

    @property
    def ids(self) -> tuple[str, ...]:
        """As given, or numbers."""
        return self._ids

    @property
    def columns(self) -> Mapping[str, tuple[Any, ...]]:
        """What comes beside the image in every item, where it is a text or a number."""
        return self._columns

    @property
    def description(self) -> dict[str, Any]:
        """Kind, class and number of images; the fingerprint is of ids and pixels."""
        own = self.fingerprint_at(range(len(self)))
        return {"kind": "stream", "class": _class_of(self._stream), "n_images": len(self), "fingerprint": own}

    def fingerprint_at(self, indices: Sequence[int]) -> str:
        """A fingerprint of ids and pixels at some positions."""
        return fingerprint_of([part for i in indices for part in (self._ids[i], self._hashes[i])])

    def load(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """Go on to the image at a position."""
        place = checked_position(index, len(self))
        with self._lock:
            if place in self._kept:
                image = self._kept[place]
            else:
                if place < self._at:
                    self._items, self._at = iter(self._stream), 0
                    self._kept.clear()
                image = self._advance(place)
        pixels = _loaded(image, self._ids[place])
        if _hash(pixels) != self._hashes[place]:
            raise ValueError(
                f"image {self._ids[place]} is another than when the {type(self._stream).__name__} was opened: it must "
                "give the same images in the same order every time; turn shuffling and augmentation off"
            )
        return pixels

    def _advance(self, place: int) -> Any:
        image = None
        for _ in range(place + 1 - self._at):
            item = next(self._items, None)
            if item is None:
                raise ValueError(
                    f"the {type(self._stream).__name__} ended after {counted(self._at, 'image')}, and had {len(self)} "
                    "when it was opened: it must give the same images every time"
                )
            image = self._kept[self._at] = _image_in(item, self._key)
            self._at += 1
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return image


def pixels_of(image: Any) -> UInt8[np.ndarray, "height width 3"]:
    """The image in an item of a data set, as RGB.

    Raises:
        ValueError: If it is none; says what to do.

    Example:
        >>> pixels_of(np.zeros((3, 5, 4), np.float32)).shape
        (5, 4, 3)
    """
    if isinstance(image, PIL.Image.Image):
        return rgb_pixels(image)
    expected = "expected a Pillow image, or uint8 pixels [H, W], [H, W, 3] or [3, H, W]"
    if not hasattr(image, "shape") or not hasattr(image, "dtype"):
        raise ValueError(f"{expected}, got {shown(image)}")
    pixels = np.asarray(image)
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3) and pixels.shape[2] not in (1, 3):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3)) or 0 in pixels.shape:
        raise ValueError(f"{expected}, got {pixels.dtype} {list(np.shape(image))}")
    if pixels.dtype.kind == "f":
        whole = np.round(pixels.astype(np.float64) * 255)
        if not (np.abs(whole - pixels * 255.0) < _STEPS).all() or whole.min() < 0 or whole.max() > 255:
            raise ValueError(
                f"{expected}, got {pixels.dtype} that are no whole 255ths of 0..1: leave normalisation and resizing "
                "out of the data set's transforms, since every model brings its own"
            )
        pixels = whole.astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise ValueError(f"{expected}, got {pixels.dtype}; scale to 0..255 and convert it")
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    return np.array(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def _loaded(image: Any, name: str) -> np.ndarray:
    try:
        return pixels_of(image)
    except ValueError as error:
        raise ValueError(f"image {name}: {error}") from error
    # Pillow reads a file only now, and a decoder that meets arbitrary bytes raises nearly anything.
    except OSError as error:
        raise DamagedImage(name, str(error)) from error


def _hash(image: Any) -> str:
    try:
        pixels = image if isinstance(image, np.ndarray) and image.dtype == np.uint8 else None
        pixels = pixels_of(image if pixels is None else pixels)
    except OSError as error:
        return f"damaged: {error}"
    return hashlib.blake2b(f"{pixels.shape}".encode() + pixels.tobytes(), digest_size=16).hexdigest()


def _parts(item: Any) -> dict[Any, Any]:
    """The entries of an item, by name: the image of a tuple is `image`, what follows `label`, `label1`, ..."""
    if isinstance(item, Mapping):
        return dict(item)
    if isinstance(item, tuple | list):
        names = ["image", "label", *(f"label{place}" for place in range(1, len(item)))]
        return dict(zip(names, item, strict=False))
    return {"image": item}


def _image_key(item: Any, key: str | None) -> str:
    parts = _parts(item)
    if not isinstance(item, Mapping):
        if key is not None:
            raise ValueError(f"key={key!r} names an entry of items that are mappings, got a {type(item).__name__}")
        return "image"
    able = [name for name, each in parts.items() if isinstance(each, PIL.Image.Image) or len(np.shape(each)) >= 2]
    found = key if key is not None else able[0] if len(able) == 1 else next((k for k in _USUAL if k in able), None)
    if found is None or found not in parts:
        raise ValueError(
            f"expected items with an entry that is an image, got entries {', '.join(map(repr, parts))}; say which, key="
        )
    return found


def _image_in(item: Any, key: Any) -> Any:
    return _parts(item).get(key)


def _id_entry(item: Any, ids: Any) -> str | None:
    parts = _parts(item)
    if isinstance(ids, str):
        if ids not in parts:
            raise ValueError(f"expected ids as an entry of the items ({', '.join(map(repr, parts))}), got {ids!r}")
        return ids
    return next((key for key in ID_KEYS if key in parts), None) if ids is None else None


def _plain(value: Any) -> Any:
    """A number of NumPy's or torch's as Python's."""
    convert: Callable[[], Any] | None = getattr(value, "item", None)
    return convert() if convert is not None and np.shape(value) == () else value


def _class_of(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
