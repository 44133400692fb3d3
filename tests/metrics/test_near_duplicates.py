import importlib
import io

import numpy as np
import PIL.Image
import pytest

import jaxsim
from jaxsim.data import ArraySource, open_images, thumbnails
from jaxsim.metrics.near_duplicates import chance_ratio, exact_distances, scale_and_dimension


def oracle(x, ratio, k):
    """Pairs by the rule, from all distances in float64."""
    x = np.asarray(x, np.float64)
    distances = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))
    others = np.sort(distances + np.diag(np.full(len(x), np.inf)), axis=1)
    limit = ratio * np.minimum.outer(others[:, k - 1], others[:, k - 1])
    near = (distances < limit) | (distances == 0)
    return [(i, j) for i in range(len(x)) for j in range(i + 1, len(x)) if near[i, j]]


def with_copies(n=200, d=15, n_copies=60, size=0.1, seed=0):
    """Samples of unit variance, the last ones being copies of the first at a distance of about `size` each."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return np.concatenate([x, x[:n_copies] + size * rng.normal(size=(n_copies, d))])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pairs_are_those_of_the_rule(dtype):
    x = with_copies().astype(dtype)
    found = jaxsim.near_duplicates(x)
    assert found.pairs.tolist() == [list(pair) for pair in oracle(x, found.threshold, 32)]
    assert found.pairs.tolist() == [[i, 200 + i] for i in range(60)]
    assert found.groups.tolist() == [*range(200), *range(60)]
    assert (found.n_groups, found.n_copies) == (60, 120)
    assert jaxsim.near_duplicates(x, ratio=0.02).n_groups == len(oracle(x, 0.02, 32)) < 60
    assert jaxsim.near_duplicates(x, neighbours=3, ratio=0.3).pairs.tolist() == [
        list(pair) for pair in oracle(x, 0.3, 3)
    ]


@pytest.mark.slow
def test_beyond_a_thousand_samples_in_float32_and_far_clusters_in_float64():
    x = with_copies(n=1500, n_copies=500)
    expected = [[i, 1500 + i] for i in range(500)]
    assert jaxsim.near_duplicates(x).pairs.tolist() == expected
    far = x + 1e5 * (np.arange(2000) % 1500 % 10)[:, None]
    assert jaxsim.near_duplicates(far).pairs.tolist() == expected


def test_groups_are_chains_of_pairs_and_equal_samples():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(150, 12))
    step = rng.normal(size=12)
    x[[20, 40, 60, 80]] = x[0] + 0.2 * np.arange(1, 5)[:, None] * step  # frames: the ends are far apart
    x[100:145] = x[10]  # more equal ones than there are neighbours looked at
    found = jaxsim.near_duplicates(x, [f"s{i:03d}" for i in range(150)])
    assert found.members() == [
        ("s010", *(f"s{i}" for i in range(100, 145))),
        ("s000", "s020", "s040", "s060", "s080"),
    ]
    assert [0, 80] not in found.pairs.tolist()
    assert found.groups[[0, 1, 20, 10, 144]].tolist() == [0, 1, 0, 10, 10]
    text = str(found)
    assert text.startswith(
        "51 of 150 samples are near copies, in 2 groups: (s010, s100, s101, s102 and 42 more), (s000,"
    )
    assert "rule: equal, or nearer than 0." in text
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize(
    "dimension",
    [
        1,
        2,
        pytest.param(5, marks=pytest.mark.slow),
        pytest.param(12, marks=pytest.mark.slow),
        pytest.param(40, marks=pytest.mark.slow),
    ],
)
def test_no_more_false_alarms_than_stated(dimension):
    """Clean samples of any dimension, alone and embedded: half a pair expected, at most."""
    n_pairs = 0
    for seed in range(10):
        x = np.random.default_rng(seed).normal(size=(400, dimension))
        n_pairs += len(jaxsim.near_duplicates(x).pairs)
    assert n_pairs <= 10


def test_where_all_have_copies_the_scale_is_that_of_the_others():
    found = jaxsim.near_duplicates(with_copies(n=150, n_copies=150))
    assert found.n_groups == 150
    assert 8 < found.dimension < 20


def test_dimension_and_threshold():
    grid = np.stack(np.meshgrid(np.arange(30.0), np.arange(30.0)), -1).reshape(-1, 2)
    found = jaxsim.near_duplicates(grid + np.random.default_rng(0).uniform(0, 1, grid.shape))
    assert 1.6 < found.dimension < 2.4
    assert found.threshold == pytest.approx((0.5 / (900 * 31)) ** (1 / found.dimension))
    assert chance_ratio(900, 32, np.inf) == chance_ratio(900, 32, float("nan")) == 0.4
    simplex = np.eye(40)
    assert scale_and_dimension(simplex, np.array([[1, 2, 3, 4]] * 40))[1] != 0
    assert jaxsim.near_duplicates(simplex).n_groups == 0


def test_exact_distances_do_not_cancel(monkeypatch):
    # The function has the name of its module.
    monkeypatch.setattr(importlib.import_module("jaxsim.metrics.near_duplicates"), "_CHUNK_VALUES", 8)
    rng = np.random.default_rng(0)
    x = (1e6 + rng.normal(size=(40, 3))).astype(np.float32)
    first, second = rng.integers(0, 40, (2, 50))
    expected = np.linalg.norm(x[first].astype(np.float64) - x[second].astype(np.float64), axis=1)
    np.testing.assert_allclose(exact_distances(x, first, second), expected)


def test_few_equal_or_constant_samples():
    few = jaxsim.near_duplicates([[0.0], [1.0], [1.0], [-0.0]])
    assert few.pairs.tolist() == [[0, 3], [1, 2]]
    assert "too few" in few.rule
    with pytest.warns(jaxsim.metrics.DegenerateLayerWarning):
        constant = jaxsim.near_duplicates(np.ones((50, 3)))
    assert (constant.n_groups, constant.n_copies) == (1, 50)
    assert str(jaxsim.near_duplicates(np.eye(20))).startswith("no near copies among 20 samples")


def test_bad_arguments():
    x = np.random.default_rng(0).normal(size=(20, 3))
    with pytest.raises(ValueError, match=r"ratio must be above 0 and below 1, got 1\.5"):
        jaxsim.near_duplicates(x, ratio=1.5)
    with pytest.raises(ValueError, match="expected neighbours to be an integer of at least 2, got 1"):
        jaxsim.near_duplicates(x, neighbours=1)
    with pytest.raises(ValueError, match="one id for each of 20 samples, got 1"):
        jaxsim.near_duplicates(x, ["a"])
    with pytest.raises(ValueError, match="n_samples, n_features"):
        jaxsim.near_duplicates(x[0])
    x[7, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        jaxsim.near_duplicates(x)


def jpeg(image, rng):
    file = io.BytesIO()
    PIL.Image.fromarray(image).save(file, "JPEG", quality=40)
    return np.array(PIL.Image.open(file).convert("RGB"))


def crop(image, rng):
    height, width = (round(0.95 * size) for size in image.shape[:2])
    top, left = rng.integers(0, image.shape[0] - height + 1), rng.integers(0, image.shape[1] - width + 1)
    part = PIL.Image.fromarray(image[top : top + height, left : left + width])
    return np.asarray(part.resize(image.shape[1::-1], PIL.Image.Resampling.BICUBIC))


COPIES = {
    "equal": (lambda image, rng: image, 1.0),
    "compressed": (jpeg, 0.95),
    "noisy": (lambda image, rng: np.clip(image + rng.normal(0, 8, image.shape), 0, 255).astype(np.uint8), 0.99),
    "brighter": (lambda image, rng: np.clip(image * 1.15, 0, 255).astype(np.uint8), 0.99),
    "cropped": (crop, 0.05),
}


class TestOnThumbnails:
    @pytest.mark.parametrize("kind", list(COPIES))
    def test_copies_of_rendered_images_are_found(self, kind):
        copy, share = COPIES[kind]
        rng = np.random.default_rng(3)
        images = np.stack([open_images("rendered:500").load(i) for i in range(500)])
        copies = np.stack([copy(image, rng) for image in images[:200]])
        source = ArraySource(np.concatenate([images, copies]))
        found = jaxsim.near_duplicates(thumbnails(source), source.ids)
        assert np.mean(found.groups[:200] == found.groups[500:]) >= share
        true = {(i, 500 + i) for i in range(200)}
        assert set(map(tuple, found.pairs.tolist())) <= true

    @pytest.mark.parametrize("images", ["rendered:1500", pytest.param("digits", marks=pytest.mark.slow)])
    def test_none_among_different_images(self, images):
        source = open_images(images)
        assert jaxsim.near_duplicates(thumbnails(source), source.ids).n_groups == 0

    def test_they_have_the_images_order_and_no_mean(self):
        source = open_images("digits").select([7, 3])
        small = thumbnails(source, 8)
        assert small.shape == (2, 192)
        image = source.load(1) / 255
        np.testing.assert_allclose(small[1], image.ravel() - image.mean(), atol=1e-6)
