"""Halves of the samples and groups: every half is what it would be alone, on every way through the kernels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxsim_kernels import Options, all_pairs, reference
from jaxsim_kernels.halves import Halves, distinct_by_split, nearest_in_halves, ranks_in_halves

from jaxsim.metrics import balanced_halves

WAYS = [
    {},
    {"passes": "two-pass"},
    {"sharing": False},
    {"sharing": False, "passes": "two-pass"},
]


def spaces(rng: np.random.Generator, n: int, tied: bool) -> list[np.ndarray]:
    x = rng.standard_normal((n, 5))
    found = [x, x[:, :2] + 30, np.tanh(x @ rng.standard_normal((5, 9)))]
    # Whole numbers keep their ties whatever they are centred by.
    return [np.round(2 * each) for each in found] if tied else found


def check_halves(layers, sides, options, queries=None, groups=None):
    """Integer for integer (a row's weight aside) the same as every half alone."""
    found = all_pairs(layers, queries, options, sides=sides, groups=groups)
    everyone = np.arange(len(layers[0])) if queries is None else queries
    for split, of_split in enumerate(sides):
        for side in (0, 1):
            members = np.flatnonzero(of_split == side)
            own = everyone[of_split[everyone] == side]
            alone = all_pairs(
                [x[members] for x in layers],
                None if queries is None else np.searchsorted(members, own),
                Options(
                    ks=options.ks, ties=options.ties, strict=options.strict, precision="float64", keep_neighbours=True
                ),
                groups=None if groups is None else groups[members],
            )
            if groups is None:
                np.testing.assert_array_equal(found.halves[split, side], alone.values)
            else:
                np.testing.assert_allclose(found.halves[split, side], alone.values, rtol=1e-14)
            if options.keep_neighbours:
                at = np.flatnonzero(of_split[everyone] == side)
                np.testing.assert_array_equal(found.half_neighbours[split][:, at], members[alone.neighbours])
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("tied", [False, True])
def test_every_half_is_that_half_alone(way, tied):
    rng = np.random.default_rng(0)
    layers = spaces(rng, 180, tied)
    options = Options(ks=(1, 4), keep_neighbours=True, **way)
    found = check_halves(layers, balanced_halves(180, 3, seed=1), options)
    assert found.plan.sharing == ("sharing" not in way)
    plain = all_pairs(layers, options=Options(ks=(1, 4), keep_neighbours=True))
    np.testing.assert_array_equal(found.values, plain.values)
    np.testing.assert_array_equal(found.neighbours, plain.neighbours)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(40, 400),
    n_splits=st.integers(1, 15),
    ks=st.sampled_from([(1,), (2, 5), (1, 3, 7)]),
    way=st.sampled_from(WAYS),
    tied=st.booleans(),
    strict=st.booleans(),
    subsampled=st.booleans(),
    grouped=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_any_half_of_anything(n, n_splits, ks, way, tied, strict, subsampled, grouped, seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, n // 2, n) if grouped and n >= 100 else None
    sides = balanced_halves(n, n_splits, seed=seed, groups=groups)
    queries = np.sort(rng.choice(n, n // 3, replace=False)) if subsampled else None
    if queries is not None and any(len(set(side)) < 2 for side in sides[:, queries]):
        queries = None
    check_halves(spaces(rng, n, tied)[:2], sides, Options(ks=ks, strict=strict, **way), queries, groups)


def test_expected_ties_in_halves():
    rng = np.random.default_rng(3)
    found = check_halves(spaces(rng, 90, True), balanced_halves(90, 2), Options(ks=(1, 3), ties="expected"))
    assert not found.plan.sharing


def test_float32_halves_share_the_bits_of_the_whole():
    """Above 1,024 samples scores are float32: both ways must count the same bits."""
    rng = np.random.default_rng(4)
    layers = [x.astype(np.float32) for x in spaces(rng, 1500, False)]
    layers[0][700:720] = layers[0][:20]
    sides = balanced_halves(1500, 2)
    first, *others = (all_pairs(layers, options=Options(ks=(1, 4), **way), sides=sides).halves for way in WAYS)
    for other in others:
        np.testing.assert_array_equal(first, other)
    for split, side in ((0, 0), (1, 1)):
        members = np.flatnonzero(sides[split] == side)
        expected = reference.information_imbalance(layers[0][members], layers[2][members], 4)
        assert first[split, side, 1, 0, 2] == pytest.approx(expected, abs=5e-6)


def test_rows_with_many_ties_and_one_large_bucket():
    """All scores but one fall into one bucket, and most are equal."""
    strip = np.zeros((2, 512), np.float32)
    norms = np.where(np.arange(512) < 300, (np.arange(512) % 3).astype(np.float32), np.inf).astype(np.float32)
    norms[299] = 1e30
    rows = np.array([0, 1])
    strip[rows, rows] = -np.inf
    halves = Halves(np.arange(300)[None] % 2 == 1)
    near = nearest_in_halves(strip, norms, rows, halves, 40)
    scores = norms - strip
    for row in rows:
        own = np.flatnonzero(np.arange(300) % 2 == row)
        ordered = own[np.argsort(scores[row, own], kind="stable")][:40]
        np.testing.assert_array_equal(near[row, 0], ordered)
        wanted = distinct_by_split(near[:, None], 300)
        doubled = ranks_in_halves(strip, norms, rows, halves, wanted, (40,))
        ranks = reference.conditional_ranks(scores[row : row + 1, own])[0]
        assert doubled[row, 0, 0, 0] == 2 * ranks[np.searchsorted(own, ordered)].sum()


def test_too_many_patterns_are_refused():
    sides = np.random.default_rng(0).random((12, 600)) < 0.5
    with pytest.raises(ValueError, match="deal whole groups of samples, at most 256"):
        all_pairs([np.zeros((600, 2))], options=Options(), sides=sides)


class TestGroups:
    """Samples of one group are neither neighbours nor counted."""

    def expected(self, x, y, groups, k):
        dx, dy = reference.squared_distances(x), reference.squared_distances(y)
        same = groups[:, None] == groups[None]
        dx[same] = dy[same] = np.inf
        ranks = reference.conditional_ranks(dy)
        total = 0.0
        for i in range(len(x)):
            nearest = np.argsort(dx[i], kind="stable")[:k]
            total += 2 * ranks[i, nearest].mean() / ((~same[i]).sum() + 1)
        return total / len(x)

    @pytest.mark.parametrize("way", [{}, {"passes": "two-pass"}, {"ranking": "count"}, {"ranking": "sort"}])
    def test_against_the_definition(self, way):
        rng = np.random.default_rng(1)
        x, y, _ = spaces(rng, 150, False)
        groups = rng.integers(0, 50, 150)
        x += 3 * rng.standard_normal((50, 5))[groups]  # crops of one photograph are near each other
        found = all_pairs([x, y], options=Options(ks=(1, 3), **way), groups=groups)
        for place, k in enumerate((1, 3)):
            for a, b in ((0, 1), (1, 0), (0, 0)):
                expected = self.expected((x, y)[a], (x, y)[b], groups, k)
                assert found.values[place, a, b] == pytest.approx(expected, rel=1e-12)
        assert found.values[0, 0, 1] != all_pairs([x, y]).values[0, 0, 1]

    def test_groups_of_one_change_nothing(self):
        layers = spaces(np.random.default_rng(2), 120, True)
        plain, grouped = (
            all_pairs(layers, options=Options(ks=(1, 4)), groups=groups) for groups in (None, np.arange(120) * 7)
        )
        for name in ("values", "standard_error", "tied_neighbours", "tied_ranks"):
            np.testing.assert_array_equal(getattr(plain, name), getattr(grouped, name))

    def test_names_of_groups_do_not_matter(self):
        rng = np.random.default_rng(2)
        groups = rng.integers(0, 30, 120)
        layers = spaces(rng, 120, False)
        first, second = (all_pairs(layers, groups=each).values for each in (groups, -5 * groups + 1000))
        np.testing.assert_array_equal(first, second)

    def test_each_layer_has_a_metric(self):
        rng = np.random.default_rng(5)
        x, y, _ = spaces(rng, 80, False)
        distances = np.sqrt(reference.squared_distances(y))
        np.fill_diagonal(distances, 0)
        mixed = Options(ks=(1, 2), metric=("euclidean", "precomputed"))
        for sides in (None, balanced_halves(80, 2)):
            found = all_pairs([x, distances], options=mixed, sides=sides)
            both = all_pairs([x, y], options=Options(ks=(1, 2)), sides=sides)
            np.testing.assert_array_equal(found.values, both.values)
            for way in WAYS[1:] if sides is not None else []:
                other = all_pairs([x, distances], options=Options(ks=(1, 2), metric=mixed.metric, **way), sides=sides)
                np.testing.assert_array_equal(other.halves, both.halves)
