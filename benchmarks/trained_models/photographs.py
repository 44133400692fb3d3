"""Photographs out of packages, all `EDGE` pixels square, one folder for each photograph.

What comes of one photograph lies in one folder, which is its group: the middle of a scene, and its tiles. Objects
cut out of their ground (Tux Paint's stamps) are put on grey. Drawings and computed pictures are left out by the lists.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from PIL import Image

EDGE = 256
#: ImageNet's mean colour, which the networks' normalisation makes 0.
GREY = (124, 116, 104)
#: A tile has as many pixels an edge as DINOv2 looks at, or more, and a scene at most two rows of tiles.
_TILE, _ROWS = 224, 2


class Scenes(NamedTuple):
    """Photographs of whole scenes in one package: name for its folders, where they lie, and which they are."""

    name: str
    below: str
    patterns: Sequence[str]


_PLASMA = (
    *("BytheWater", "ColdRipple", "ColorfulCups", "DarkestHour", "EveningGlow", "FallenLeaf", "Grey", "Kite"),
    *("OneStandsOut", "Path", "summer_1am"),
)
_LOMIRI = (
    *("Bridge", "Dragonfly", "Picture_0B", "Picture_1A", "Wine", "aitzgorri", "free", "friends", "greentock", "life"),
    *("picosdeeuropa", "seeding", "sunset"),
)
#: Debian package -> its scenes.
DEBIAN_SCENES = {
    "plasma-workspace-wallpapers": Scenes(
        "plasma", "usr/share/wallpapers", [f"{name}/contents/images/2560x1600.jpg" for name in _PLASMA]
    ),
    "lomiri-wallpapers-16.04": Scenes("lomiri", "usr/share/backgrounds", [f"{name}_by_*.jpg" for name in _LOMIRI]),
    "lomiri-wallpapers-20.04": Scenes("lomiri", "usr/share/backgrounds", ["Kleiber_by_*.jpg"]),
    "mate-backgrounds": Scenes("mate", "usr/share/backgrounds/mate/nature", ["*.jpg"]),
}
STAMPS = "tuxpaint-stamps-default"
_SKIMAGE = (
    *("astronaut", "brick", "camera", "chelsea", "clock_motion", "coffee", "coins", "grass", "gravel"),
    *("hubble_deep_field", "ihc", "moon", "motorcycle_left", "retina", "rocket"),
)
#: Python package -> the folder of its pictures, and which are photographs.
PYTHON_SCENES = {
    "skimage": Scenes("skimage", "data", [f"{name}.*" for name in _SKIMAGE]),
    "sklearn": Scenes("sklearn", "datasets/images", ["china.jpg", "flower.jpg"]),
}
_STAMP_FOLDERS = (
    *("animals/*", "food/*", "hobbies/*", "household/*", "military/*", "naturalforces/*"),
    *("plants/*", "seasonal/halloween/grave-*", "space/*", "sports/*", "symbols/money/*/*", "town/monuments/*"),
    *("vehicles/*",),
)
#: Drawings, signs, and pictures that are in the package the other way round, too.
_NO_PHOTOGRAPHS = (
    "*/cartoon/*",
    "*/toys/*",
    "*_symbols/*",
    "*mirror*",
    "*silhouette*",
    "*outline*",
    "*/hedgehog.png",
    "*/pizza.png",
)


def gather_photographs(packages: dict[str, Path], folder: Path) -> int:
    """Writes all photographs.

    Args:
        packages: Package -> the folder that its files lie in.
        folder: Made anew; one folder in it for each photograph.

    Returns:
        How many pictures there are.

    Raises:
        ValueError: A photograph of the lists is not in its package.
    """
    if folder.exists():
        shutil.rmtree(folder)
    n_pictures = 0
    for package, below in packages.items():
        if package == STAMPS:
            pictures = ((name, [_on_grey(path)]) for name, path in _stamps(below / "usr/share/tuxpaint/stamps"))
        else:
            scenes = (DEBIAN_SCENES | PYTHON_SCENES)[package]
            pictures = ((name, scene_tiles(opened(path))) for name, path in _scenes(package, scenes, below))
        for name, tiles in pictures:
            (folder / name).mkdir(parents=True)
            for i, tile in enumerate(tiles):
                tile.save(folder / name / f"{i}.png")
            n_pictures += len(tiles)
    return n_pictures


def scene_tiles(scene: Image.Image) -> list[Image.Image]:
    """Returns the middle square of a scene, then tiles that do not overlap, row by row, where it is large enough.

    Example:
        >>> [len(scene_tiles(Image.new("RGB", size))) for size in ((400, 300), (512, 512), (2560, 1600))]
        [1, 5, 7]
    """
    width, height = scene.size
    short = min(width, height)
    squares = [((width - short) // 2, (height - short) // 2, short)]
    rows = min(_ROWS, short // _TILE)
    if rows > 1:
        edge = short // rows
        squares += [(x * edge, y * edge, edge) for y in range(height // edge) for x in range(width // edge)]
    return [
        scene.resize((EDGE, EDGE), Image.Resampling.LANCZOS, (left, top, left + edge, top + edge))
        for left, top, edge in squares
    ]


def _scenes(package: str, scenes: Scenes, below: Path) -> Iterator[tuple[str, Path]]:
    for pattern in scenes.patterns:
        found = sorted((below / scenes.below).glob(pattern))
        if not found:
            raise ValueError(f"expected {scenes.below}/{pattern} in {package}, found none; is it another version?")
        for path in found:
            inner = path.relative_to(below / scenes.below)
            yield f"{scenes.name}-{inner.parts[0].partition('.')[0].partition('_by_')[0]}", path


def _stamps(folder: Path) -> Iterator[tuple[str, Path]]:
    found = []
    for path in sorted(folder.rglob("*.png")):
        name = path.relative_to(folder).as_posix()
        wanted = any(fnmatch(name, pattern) for pattern in _STAMP_FOLDERS)
        if wanted and not any(fnmatch(name, pattern) for pattern in _NO_PHOTOGRAPHS):
            found.append((f"stamp-{name.removesuffix('.png').replace('/', '-')}", path))
    if not found:
        raise ValueError(f"expected stamps below {folder}, found none")
    yield from found


def opened(path: Path) -> Image.Image:
    """Returns a picture in three colours, decoded."""
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _on_grey(path: Path) -> Image.Image:
    """An object in the middle of a grey square, its longer edge nine tenths of it."""
    with Image.open(path) as picture:
        stamp = picture.convert("RGBA")
    stamp = stamp.crop(stamp.getchannel("A").getbbox())
    scale = 0.9 * EDGE / max(stamp.size)
    stamp = stamp.resize(
        (max(1, round(stamp.width * scale)), max(1, round(stamp.height * scale))), Image.Resampling.LANCZOS
    )
    ground = Image.new("RGB", (EDGE, EDGE), GREY)
    ground.paste(stamp, ((EDGE - stamp.width) // 2, (EDGE - stamp.height) // 2), stamp)
    return ground
