import colorsys
import math

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats

from jaxsim.data import image_statistics, low_level_spaces, open_images, statistic_names
from jaxsim.data.low_level import z_scored


def pictures(n, height, width, seed=0):
    """Smooth random pictures with colours and contours, float32 in 0..1."""
    noise = np.random.default_rng(seed).normal(size=(n, height, width, 3))
    smooth = scipy.ndimage.gaussian_filter(noise, (0, 1.5, 1.5, 0), mode="wrap") + 0.2 * noise
    low, high = smooth.min((1, 2, 3), keepdims=True), smooth.max((1, 2, 3), keepdims=True)
    return ((smooth - low) / (high - low)).astype(np.float32)


def luma(image):
    return image.astype(np.float64) @ np.array([0.2126, 0.7152, 0.0722])


def luminance_oracle(image):
    y = luma(image).ravel()
    histogram = np.zeros(33)
    place = y * 31
    lower = np.floor(place).astype(int)
    np.add.at(histogram, lower, 1 - (place - lower))
    np.add.at(histogram, lower + 1, place - lower)
    entropy = scipy.stats.entropy(histogram, base=2)
    return [y.mean(), y.std(), scipy.stats.skew(y), scipy.stats.kurtosis(y, fisher=False), entropy]


def colour_oracle(image):
    r, g, b = np.moveaxis(image.astype(np.float64), -1, 0)
    plane = np.stack([(r - g) / math.sqrt(2), (r + g - 2 * b) / math.sqrt(6)]).reshape(2, -1)
    covariance = np.cov(plane, bias=True)
    hues, saturations = np.zeros(12), []
    for pixel in image.reshape(-1, 3).astype(np.float64):
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
        saturations.append(saturation)
        first, rest = divmod(hue * 12, 1)
        hues[int(first) % 12] += (1 - rest) * saturation * value
        hues[int(first + 1) % 12] += rest * saturation * value
    return [
        *plane.mean(1),
        *(covariance[0, 0], covariance[0, 1], covariance[1, 1]),
        *(np.mean(saturations), np.std(saturations)),
        *(hues / r.size),
    ]


def spectrum_oracle(image):
    """Power at each (radius, direction) by the definition of the discrete Fourier transform."""
    y = luma(image)
    height, width = y.shape
    hann = [np.array([0.5 - 0.5 * math.cos(2 * math.pi * (i + 0.5) / n) for i in range(n)]) for n in (height, width)]
    window = hann[0][:, None] * hann[1][None]
    window = window / math.sqrt((window**2).mean())
    transforms = [np.exp(-2j * math.pi * np.outer(np.arange(n), np.arange(n)) / n) for n in (height, width)]
    power = np.abs(transforms[0] @ ((y - y.mean()) * window) @ transforms[1].T) ** 2 / y.size
    for u in range(height):
        for v in range(width):
            down = (u if u < (height + 1) // 2 else u - height) / height
            right = (v if v < (width + 1) // 2 else v - width) / width
            yield math.hypot(down, right), math.atan2(-down, right), power[u, v]


def frequency_oracle(image):
    height, width, _ = image.shape
    edges = np.geomspace(2 / min(height, width), 0.5, 9)
    edges[-1] *= 1 + 1e-6
    members = [[] for _ in range(8)]
    for radius, _, power in spectrum_oracle(image):
        for i in range(8):
            if edges[i] * (1 - 1e-6) <= radius < edges[i + 1] * (1 - 1e-6 * (i < 7)):
                members[i].append((radius, power))
                break
    means = [np.mean(member, axis=0) for member in members if member]
    logs = [math.log10(power + 1e-8) for _, power in means]
    slope = np.polyfit([math.log10(radius) for radius, _ in means], logs, 1)[0]
    return [*logs, slope]


def orientation_oracle(image):
    height, width, _ = image.shape
    shares = []
    for wavelength in (4, 8, 16):
        if 2 * wavelength > min(height, width):
            continue
        energies = np.full(8, 1e-8)
        for radius, direction, power in spectrum_oracle(image):
            if not 0 < radius <= 0.5:
                continue
            radial = math.exp(-(math.log(radius * wavelength) ** 2) / (2 * 0.65**2))
            for i in range(8):
                angle = direction + math.pi / 2 - math.pi * i / 8
                angle = math.atan2(math.sin(2 * angle), math.cos(2 * angle)) / 2
                angular = math.exp(-(angle**2) / (2 * (0.65 * math.pi / 8) ** 2))
                energies[i] += power * (radial * angular) ** 2 / (height * width)
        shares += list(energies / energies.sum())
    y = luma(image)
    gradient = np.hypot(*(scipy.ndimage.sobel(y, axis)[1:-1, 1:-1] / 8 for axis in (0, 1)))
    return [*shares, (gradient > 0.07).mean()]


def layout_oracle(image):
    y = luma(image)
    cells = []
    for p in range(4):
        for q in range(4):
            (top, bottom), (left, right) = (
                (i * size // 4, math.ceil((i + 1) * size / 4)) for i, size in zip((p, q), y.shape, strict=True)
            )
            cells.append(y[top:bottom, left:right].mean())
    return cells


ORACLES = {
    "luminance": luminance_oracle,
    "colour": colour_oracle,
    "frequency": frequency_oracle,
    "orientation": orientation_oracle,
    "layout": layout_oracle,
}


@pytest.mark.parametrize("shape", [(8, 8), (17, 24), pytest.param((32, 32), marks=pytest.mark.slow)])
def test_equal_to_float64_oracles(shape):
    images = pictures(3, *shape)
    statistics = image_statistics(images)
    names = statistic_names(*shape)
    assert list(statistics) == list(ORACLES) == list(names)
    for group, oracle in ORACLES.items():
        expected = np.array([oracle(image) for image in images])
        assert expected.shape[1] == len(names[group])
        np.testing.assert_allclose(statistics[group], expected, atol=2e-4, rtol=2e-4, err_msg=group)


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_flat_images_have_finite_statistics(value):
    statistics = image_statistics(np.full((2, 16, 16, 3), value, np.float32))
    for group, values in statistics.items():
        assert np.isfinite(values).all(), group
    np.testing.assert_allclose(statistics["luminance"][0, 1:4], 0, atol=1e-6)
    np.testing.assert_allclose(statistics["colour"], 0, atol=1e-6)
    np.testing.assert_allclose(statistics["orientation"][0, :8], 1 / 8, atol=1e-3)


def test_gratings_are_found_at_their_scale_and_orientation():
    size = 64
    rows, columns = np.mgrid[0:size, 0:size]
    kinds = [(wavelength, index) for wavelength in (4, 8, 16) for index in range(8)]
    gratings = []
    for wavelength, index in kinds:
        angle = math.pi * index / 8
        # Contours at `angle` counterclockwise from the horizontal: the phase grows across them, and rows count down.
        across = -math.sin(angle) * columns - math.cos(angle) * rows
        gratings.append(0.5 + 0.4 * np.sin(2 * math.pi * across / wavelength))
    images = np.repeat(np.stack(gratings)[..., None], 3, axis=-1).astype(np.float32)
    shares = np.asarray(image_statistics(images)["orientation"])[:, :-1]
    names = statistic_names(size, size)["orientation"]
    for place, (wavelength, index) in enumerate(kinds):
        scale = (4, 8, 16).index(wavelength)
        found = shares[place].reshape(3, 8)[scale]
        assert found.argmax() == index
        assert found[index] > 0.5
        assert names[scale * 8 + index] == f"{180 * index / 8:g} degrees, {wavelength} pixels"


@pytest.mark.parametrize("exponent", [0.0, -1.0, -2.0, -3.0])
def test_slope_of_noise_with_a_known_spectrum(exponent):
    rng = np.random.default_rng(0)
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128), indexing="ij"))
    radius[0, 0] = np.inf
    spectrum = np.fft.fft2(rng.normal(size=(6, 128, 128))) * radius ** (exponent / 2)
    noise = np.fft.ifft2(spectrum).real
    noise = 0.5 + 0.1 * noise / noise.std()
    images = np.repeat(noise[..., None], 3, axis=-1).astype(np.float32)
    slopes = np.asarray(image_statistics(images)["frequency"])[:, -1]
    assert abs(slopes.mean() - exponent) < 0.2


def test_hue_and_saturation_of_pure_colours():
    names = statistic_names(8, 8)["colour"]
    for hue, colour in ((0, (1, 0, 0)), (120, (0, 1, 0)), (240, (0, 0, 1)), (60, (1, 1, 0))):
        image = np.full((1, 8, 8, 3), colour, np.float32)
        values = dict(zip(names, np.asarray(image_statistics(image)["colour"])[0], strict=True))
        assert values[f"hue {hue}"] == pytest.approx(1)
        assert values["mean saturation"] == pytest.approx(1)
        assert sum(values[name] for name in names if name.startswith("hue")) == pytest.approx(1)


class TestSpaces:
    def test_columns_have_mean_zero_and_deviation_one(self):
        spaces = low_level_spaces(pictures(20, 16, 16))
        assert list(spaces) == ["luminance", "colour", "frequency", "orientation", "layout", "all"]
        for space in spaces.values():
            assert space.dtype == np.float32
            np.testing.assert_allclose(space.mean(0), 0, atol=1e-5)
            np.testing.assert_allclose(space.std(0), 1, atol=1e-5)
        np.testing.assert_array_equal(spaces["all"], np.hstack([spaces[group] for group in list(spaces)[:-1]]))

    def test_batches_give_the_same_as_one_array(self):
        images = pictures(20, 16, 16)
        whole, parts = low_level_spaces(images), low_level_spaces(iter([images[:13], images[13:]]))
        for group in whole:
            np.testing.assert_allclose(parts[group], whole[group], atol=1e-4)

    def test_grey_images_have_no_colour_and_no_nan(self):
        digits = open_images("digits").subset(60)
        spaces = low_level_spaces(np.stack([digits.load(i) for i in range(60)]).astype(np.float32) / 255)
        assert (spaces["colour"] == 0).all()
        for group, space in spaces.items():
            assert np.isfinite(space).all(), group
        for group in ("luminance", "frequency", "orientation", "layout"):
            assert np.linalg.matrix_rank(spaces[group]) > 3

    def test_equal_images_become_zero(self):
        spaces = low_level_spaces(np.repeat(pictures(1, 16, 16), 5, axis=0))
        assert all((space == 0).all() for space in spaces.values())

    @pytest.mark.parametrize(
        ("pixels", "words"),
        [
            (np.zeros((2, 16, 16), np.float32), r"shape \[2, 16, 16\]"),
            (np.zeros((0, 16, 16, 3), np.float32), r"shape \[0"),
            (np.zeros((2, 16, 16, 3), np.uint8), "divide 8-bit pixels by 255"),
            (np.full((2, 16, 16, 3), -1.5, np.float32), r"from -1.5 to -1.5: undo the normalisation"),
            (np.full((2, 16, 16, 3), 2.0, np.float32), "undo the normalisation"),
            (np.full((2, 16, 16, 3), np.nan, np.float32), "nan"),
            (np.zeros((2, 7, 16, 3), np.float32), "at least 8 x 8 pixels, came 7 x 16"),
            (iter([]), "at least one batch"),
        ],
    )
    def test_bad_pixels(self, pixels, words):
        with pytest.raises(ValueError, match=words):
            low_level_spaces(pixels)


def test_z_scores_of_nearly_constant_columns():
    values = np.array([[1e6, 0.0, 1.0], [1e6 + 0.06, 0.0, 1.001], [1e6, 0.0, 1.002]])
    scored = z_scored(values)
    assert (scored[:, :2] == 0).all()
    np.testing.assert_allclose(scored[:, 2].std(), 1)
