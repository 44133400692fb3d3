"""Low-level statistics of images: luminance, colour, spatial frequency, orientation, layout.

Everything is computed from pixels in 0..1 as they are encoded (no gamma is undone: it is what a model sees). Luminance
is Rec. 709 luma. Histograms are soft (each pixel is shared linearly between the two nearest bins), so that a
rounding error cannot move a pixel to another bin.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsim.data.grid_cells import cell_weights

GROUPS = ("luminance", "colour", "frequency", "orientation", "layout")

LUMA = (0.2126, 0.7152, 0.0722)
LUMINANCE_BINS = 32
HUE_BINS = 12
FREQUENCY_BANDS = 8
ORIENTATIONS = 8
WAVELENGTHS = (4, 8, 16)
LAYOUT_CELLS = 4
# Sobel's gradient of grey 8-bit pixels is never exactly this (as it may be 0.1), so no rounding decides.
EDGE_GRADIENT = 0.07
# Log-Gabor bandwidths after Kovesi: about one and a half octaves, and neighbouring orientations that just overlap.
RADIAL_WIDTH, ANGULAR_WIDTH = 0.65, 0.65 * np.pi / ORIENTATIONS

# Far below the noise of 8-bit rounding (1.3e-6), far above that of float32.
_NO_POWER = 1e-8
_NO_VARIANCE = 1e-8

Pixels = Float[Array | np.ndarray, "batch height width 3"]


class Filters(NamedTuple):
    """What depends on the image size alone; made by `filters`, an argument of the compiled program.

    Attributes:
        window: `[H, W]`, Hann, mean square 1.
        bands: `[n_bands, H, W]`, averages the power in each band of radial frequency.
        band_frequencies: `[n_bands]`, log10 of the mean frequency of each band, cycles per pixel.
        orientations: `[n_scales, n_orientations, H, W]`, squared transfer functions of the filter bank.
    """

    window: Float[Array | np.ndarray, "height width"]
    bands: Float[Array | np.ndarray, "n_bands height width"]
    band_frequencies: Float[Array | np.ndarray, " n_bands"]
    orientations: Float[Array | np.ndarray, "n_scales n_orientations height width"]


def image_statistics(pixels: Pixels) -> dict[str, Float[Array, "batch n_statistics"]]:
    """Return the statistics of images, in groups; compiled once for each shape.

    - `luminance`: mean, RMS contrast (standard deviation), skewness, kurtosis (3 for a Gaussian), entropy of the
      histogram in bits. Of an image without contrast, skewness and kurtosis are 0.
    - `colour`: mean and covariance in the plane of the opponent axes (R - G) / sqrt 2 and (R + G - 2 B) / sqrt 6 (van
      de Sande et al. 2010; the third axis is luminance and has its own group), mean and standard deviation of the HSV
      saturation, histogram of the hue weighted by chroma (max - min of R, G, B).
    - `frequency`: log10 of the power spectrum averaged over each band of radial frequency, bands log-spaced from two
      cycles per image to 0.5 cycles per pixel, and the slope of log power over log frequency (about -2 for photographs;
      Field 1987). The mean is taken off and a Hann window applied first.
    - `orientation`: for each scale, the share of each orientation in the energy of a log-Gabor filter bank (Field
      1987); and the edge density, the share of pixels where Sobel's gradient exceeds 0.07 per pixel.
    - `layout`: mean luminance in each cell of a 4 x 4 grid.

    Args:
        pixels: `[B, H, W, 3]`, RGB, 0..1.

    Returns:
        `[B, n]` for each group, in the order of `GROUPS`; `statistic_names` names the columns. Never NaN.

    Raises:
        ValueError: images below 8 x 8 pixels.

    Example:
        >>> stripes = np.zeros((1, 16, 16, 3), np.float32)
        >>> stripes[:, :, ::2] = 1
        >>> statistics = image_statistics(stripes)
        >>> [round(float(x), 3) for x in statistics["luminance"][0]]
        [0.5, 0.5, 0.0, 1.0, 1.0]
        >>> {group: values.shape[1] for group, values in statistics.items()}
        {'luminance': 5, 'colour': 19, 'frequency': 8, 'orientation': 17, 'layout': 16}
    """
    height, width = pixels.shape[1:3]
    return filtered_statistics(jnp.asarray(pixels, jnp.float32), filters(height, width))


def filtered_statistics(pixels: Pixels, made: Filters) -> dict[str, Float[Array, "batch n_statistics"]]:
    """Return the statistics of images with filters that are made already; pure, to be used inside `jax.jit`.

    Args:
        pixels: `[B, H, W, 3]`, float32, RGB, 0..1.
        made: from `filters` for H and W.

    Example:
        >>> pixels = np.full((1, 8, 8, 3), 0.5, np.float32)
        >>> round(float(filtered_statistics(pixels, filters(8, 8))["luminance"][0, 0]), 3)
        0.5
    """
    return dict(zip(GROUPS, _statistics(pixels, made), strict=True))


def statistic_names(height: int, width: int) -> dict[str, tuple[str, ...]]:
    """Return the names of the columns of `image_statistics` for an image size.

    Orientations are those of the contours, in degrees against the horizontal, counterclockwise.

    Example:
        >>> statistic_names(32, 32)["luminance"]
        ('mean', 'contrast', 'skewness', 'kurtosis', 'entropy')
    """
    made = filters(height, width)
    bands = tuple(f"power at {10**frequency:.3f} cycles/pixel" for frequency in made.band_frequencies)
    hues = tuple(f"hue {360 * i // HUE_BINS}" for i in range(HUE_BINS))
    oriented = tuple(
        f"{180 * i / ORIENTATIONS:g} degrees, {wavelength} pixels"
        for wavelength in _wavelengths(height, width)
        for i in range(ORIENTATIONS)
    )
    return {
        "luminance": ("mean", "contrast", "skewness", "kurtosis", "entropy"),
        "colour": (
            *("mean red-green", "mean yellow-blue"),
            *("variance red-green", "covariance", "variance yellow-blue"),
            *("mean saturation", "deviation of saturation"),
            *hues,
        ),
        "frequency": (*bands, "slope"),
        "orientation": (*oriented, "edge density"),
        "layout": tuple(f"row {i}, column {j}" for i in range(LAYOUT_CELLS) for j in range(LAYOUT_CELLS)),
    }


@functools.lru_cache(maxsize=8)
def filters(height: int, width: int) -> Filters:
    """Return what the statistics need for an image size, float32.

    Raises:
        ValueError: images below 8 x 8 pixels.
    """
    if min(height, width) < 8:
        raise ValueError(f"expected images of at least 8 x 8 pixels, came {height} x {width}: enlarge them")
    window = np.outer(*(np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2 for size in (height, width)))
    window /= np.sqrt(np.mean(window**2))
    down, right = np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij")
    radius = np.hypot(down, right)
    # The mean has been taken off: any small number serves for its frequency, 0.
    log_radius = np.log(np.maximum(radius, 1e-9))
    # The window spreads the mean over the first cycle.
    lowest = np.log(2 / min(height, width))
    # A frequency on a border belongs to the band above it; the hair keeps rounding from deciding.
    place = FREQUENCY_BANDS * (log_radius - lowest) / (np.log(0.5) - lowest) + 1e-6
    band = np.where(
        (place < 0) | (place > FREQUENCY_BANDS + 2e-6), -1, np.minimum(np.floor(place), FREQUENCY_BANDS - 1)
    )
    members = [band == i for i in range(FREQUENCY_BANDS) if (band == i).any()]
    # A contour runs across the direction in which the pixels vary; rows count downwards.
    contour = np.arctan2(-down, right) + np.pi / 2
    bank = [
        [
            np.exp(-((log_radius + np.log(wavelength)) ** 2) / (2 * RADIAL_WIDTH**2))
            * np.exp(-(_axial_difference(contour, np.pi * i / ORIENTATIONS) ** 2) / (2 * ANGULAR_WIDTH**2))
            * (radius <= 0.5)
            for i in range(ORIENTATIONS)
        ]
        for wavelength in _wavelengths(height, width)
    ]
    return Filters(
        window=window.astype(np.float32),
        bands=np.stack([member / member.sum() for member in members]).astype(np.float32),
        band_frequencies=np.array([np.log10(radius[member].mean()) for member in members], np.float32),
        orientations=np.square(bank).astype(np.float32),
    )


def _wavelengths(height: int, width: int) -> tuple[int, ...]:
    """The scales of the filter bank, in pixels, of which an image holds at least two periods."""
    return tuple(wavelength for wavelength in WAVELENGTHS if 2 * wavelength <= min(height, width))


def _axial_difference(angle: np.ndarray, other: float) -> np.ndarray:
    """Difference of directions without a sign, -90 to 90 degrees in radians."""
    return (angle - other + np.pi / 2) % np.pi - np.pi / 2


@jax.jit
def _statistics(pixels: Array, made: Filters) -> tuple[Array, ...]:
    luminance = jnp.einsum("bhwc,c->bhw", pixels, jnp.array(LUMA), precision="highest")
    centred = luminance - luminance.mean((1, 2), keepdims=True)
    # Scaled so that the mean over all frequencies is the variance of the windowed image.
    power = jnp.abs(jnp.fft.fft2(centred * made.window)) ** 2 / (luminance.shape[1] * luminance.shape[2])
    return (
        _luminance(luminance, centred),
        _colour(pixels),
        _frequency(power, made),
        _orientation(power, luminance, made),
        _layout(luminance),
    )


def _luminance(luminance: Array, centred: Array) -> Array:
    mean = luminance.mean((1, 2))
    variance = (centred**2).mean((1, 2))
    flat = variance < _NO_VARIANCE
    deviation = jnp.sqrt(variance)
    scaled = centred / jnp.where(flat, 1, deviation)[:, None, None]
    skewness = jnp.where(flat, 0, (scaled**3).mean((1, 2)))
    kurtosis = jnp.where(flat, 0, (scaled**4).mean((1, 2)))
    # A loop, not one expression per bin: the program compiles in half the time and runs as fast.
    share = jax.lax.map(lambda i: _membership(luminance, i, LUMINANCE_BINS), jnp.arange(LUMINANCE_BINS))
    entropy = -(share * jnp.log2(jnp.where(share > 0, share, 1))).sum(0)
    return jnp.stack([mean, deviation, skewness, kurtosis, entropy], axis=-1)


def _membership(luminance: Array, index: Array, bins: int) -> Array:
    """Share of the pixels in a bin; bin centres run from 0 to 1."""
    return jnp.maximum(0, 1 - jnp.abs(luminance * (bins - 1) - index)).mean((1, 2))


def _colour(pixels: Array) -> Array:
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    axes = [(red - green) / np.sqrt(2), (red + green - 2 * blue) / np.sqrt(6)]
    first, second = (axis.mean((1, 2)) for axis in axes)
    a, b = (axis - axis.mean((1, 2), keepdims=True) for axis in axes)
    plane = [first, second, (a * a).mean((1, 2)), (a * b).mean((1, 2)), (b * b).mean((1, 2))]
    largest = pixels.max(-1)
    chroma = largest - pixels.min(-1)
    saturation = chroma / jnp.where(largest > 0, largest, 1)
    divisor = jnp.where(chroma > 0, chroma, 1)
    hue = jnp.where(
        largest == red,
        (green - blue) / divisor,
        jnp.where(largest == green, (blue - red) / divisor + 2, (red - green) / divisor + 4),
    )
    place = hue * (HUE_BINS / 6)

    def in_bin(index: Array) -> Array:
        distance = jnp.abs((place - index + HUE_BINS / 2) % HUE_BINS - HUE_BINS / 2)
        return (chroma * jnp.maximum(0, 1 - distance)).mean((1, 2))

    hues = jax.lax.map(in_bin, jnp.arange(HUE_BINS))
    return jnp.stack([*plane, saturation.mean((1, 2)), saturation.std((1, 2)), *hues], axis=-1)


def _frequency(power: Array, made: Filters) -> Array:
    bands = jnp.einsum("bhw,khw->bk", power, made.bands, precision="highest")
    logs = jnp.log10(bands + _NO_POWER)
    places = made.band_frequencies - made.band_frequencies.mean()
    slope = jnp.einsum("bk,k->b", logs, places, precision="highest") / (places**2).sum()
    return jnp.concatenate([logs, slope[:, None]], axis=-1)


def _orientation(power: Array, luminance: Array, made: Filters) -> Array:
    n_pixels = luminance.shape[1] * luminance.shape[2]
    energy = jnp.einsum("bhw,sohw->bso", power, made.orientations, precision="highest") / n_pixels + _NO_POWER
    share = energy / energy.sum(-1, keepdims=True)
    rows = luminance[:, 2:] - luminance[:, :-2]
    columns = luminance[:, :, 2:] - luminance[:, :, :-2]
    vertical = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 8
    horizontal = (columns[:, :-2] + 2 * columns[:, 1:-1] + columns[:, 2:]) / 8
    density = (vertical**2 + horizontal**2 > EDGE_GRADIENT**2).mean((1, 2), dtype=power.dtype)
    return jnp.concatenate([share.reshape(len(share), -1), density[:, None]], axis=-1)


def _layout(luminance: Array) -> Array:
    rows, columns = (jnp.asarray(cell_weights(size, LAYOUT_CELLS), luminance.dtype) for size in luminance.shape[1:])
    cells = jnp.einsum("ph,qw,bhw->bpq", rows, columns, luminance, precision="highest")
    return cells.reshape(len(cells), -1)
