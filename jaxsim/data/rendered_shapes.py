"""The ten shapes of the rendered images, as distances to their outlines.

Every shape has the area of a disc of radius 1 and its centroid at the origin, so that neither the size nor the mean
luminance nor the position of an object tells its class.
"""

import numpy as np
from jaxtyping import Float

_STAR_RATIO = 0.45
_RING_HOLE = 0.55
_CRESCENT_OFFSET = 0.9


def _normalised(vertices: np.ndarray) -> np.ndarray:
    """A polygon moved to its centroid and scaled to the area pi (shoelace formula)."""
    following = np.roll(vertices, -1, axis=0)
    cross = vertices[:, 0] * following[:, 1] - following[:, 0] * vertices[:, 1]
    area = cross.sum() / 2
    centroid = ((vertices + following) * cross[:, None]).sum(axis=0) / (6 * area)
    return (vertices - centroid) * np.sqrt(np.pi / abs(area))


def _around(radii: list[float]) -> np.ndarray:
    """Vertices at equal angles from the top."""
    angles = np.pi / 2 + 2 * np.pi * np.arange(len(radii)) / len(radii)
    return np.asarray(radii)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)


# Right and up.
POLYGONS = {
    "square": _normalised(np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)),
    "triangle": _normalised(_around([1.0] * 3)),
    "star": _normalised(_around([1.0, _STAR_RATIO] * 5)),
    "cross": _normalised(
        np.array(
            [
                (1, -1),
                (3, -1),
                (3, 1),
                (1, 1),
                (1, 3),
                (-1, 3),
                (-1, 1),
                (-3, 1),
                (-3, -1),
                (-1, -1),
                (-1, -3),
                (1, -3),
            ],
            float,
        )
    ),
    "bar": _normalised(np.array([(-3, -1), (3, -1), (3, 1), (-3, 1)], float)),
    "corner": _normalised(np.array([(0, 0), (5, 0), (5, 2), (2, 2), (2, 5), (0, 5)], float)),
    "hourglass": _normalised(np.array([(-1, -1), (1, -1), (0.2, 0), (1, 1), (-1, 1), (-0.2, 0)], float)),
}
SHAPES = ("circle", "square", "triangle", "star", "cross", "ring", "bar", "crescent", "corner", "hourglass")


def signed_distance(
    shape: str, right: Float[np.ndarray, "*points"], up: Float[np.ndarray, "*points"]
) -> Float[np.ndarray, "*points"]:
    """Return the distance of points to the outline of a shape, negative inside.

    Exact for polygons, circle and ring; for the crescent exact near the outline, but for its two tips.

    Args:
        shape: one of `SHAPES`.
        right: first coordinate, in radii of the disc of the same area.
        up: second coordinate.

    Example:
        >>> float(signed_distance("circle", np.zeros(1), np.zeros(1))[0])
        -1.0
    """
    if shape in POLYGONS:
        return _polygon_distance(POLYGONS[shape], right, up)
    radius = np.hypot(right, up)
    if shape == "circle":
        return radius - 1
    if shape == "ring":
        outer = 1 / np.sqrt(1 - _RING_HOLE**2)
        return np.abs(radius - outer * (1 + _RING_HOLE) / 2) - outer * (1 - _RING_HOLE) / 2
    return _crescent_distance(right, up)


def _polygon_distance(vertices: np.ndarray, right: np.ndarray, up: np.ndarray) -> np.ndarray:
    nearest = np.full(right.shape, np.inf, right.dtype)
    inside = np.zeros(right.shape, bool)
    for (ax, ay), (bx, by) in zip(vertices.tolist(), np.roll(vertices, -1, axis=0).tolist(), strict=True):
        dx, dy = bx - ax, by - ay
        x, y = right - ax, up - ay
        along = np.clip((x * dx + y * dy) / (dx * dx + dy * dy), 0, 1)
        nearest = np.minimum(nearest, (x - along * dx) ** 2 + (y - along * dy) ** 2)
        if dy != 0:
            inside ^= ((up < ay) != (up < by)) & (x < y * (dx / dy))
    distance = np.sqrt(nearest)
    return np.where(inside, -distance, distance)


def _crescent_distance(right: np.ndarray, up: np.ndarray) -> np.ndarray:
    """A disc less an equal one that lies to its right."""
    offset = _CRESCENT_OFFSET
    lens = 2 * np.arccos(offset / 2) - offset / 2 * np.sqrt(4 - offset**2)
    area = np.pi - lens
    scale = np.sqrt(np.pi / area)
    # The disc's centroid is its centre, the lens's lies half-way to the other disc.
    centre = lens * offset / 2 / area * scale
    disc = np.hypot(right - centre, up) - scale
    cut = np.hypot(right - centre - offset * scale, up) - scale
    return np.maximum(disc, -cut)
