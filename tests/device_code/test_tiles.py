"""Ranks from tiles are those of whole rows; where they cannot be, the rows are named."""

import numpy as np
import pytest
from jaxsim_kernels.host import tiles
from jaxsim_kernels.host.sorting import distinct_columns
from jaxsim_kernels.host.tiles import ranks_from_tiles
from jaxsim_kernels.padding import TILE, padded_samples
from jaxsim_kernels.prepare import Layer, prepare_layer


def _both_ways(x, columns, ks, strict=False):
    """Sums from tiles, and by comparing everything in the same products."""
    layer = prepare_layer(x, "euclidean", padded_samples(len(x)), dtype=np.float32)
    features, norms = np.asarray(layer.features), np.asarray(layer.half_norms)[: len(x)]
    products = features @ features.T
    asked = []

    def tile_of(i, j):
        asked.append((i, j))
        return np.ascontiguousarray(products[i * TILE : (i + 1) * TILE, j * TILE : (j + 1) * TILE])

    found = ranks_from_tiles(
        Layer(layer.features, layer.half_norms), tile_of, distinct_columns(columns, len(x)), ks, strict
    )
    assert len(set(asked)) == len(asked)
    assert all(i <= j for i, j in asked)
    scores = norms - products[: len(x), : len(x)]
    np.fill_diagonal(scores, np.inf)
    thresholds = np.take_along_axis(scores, columns, axis=1)
    less, upto = (
        np.stack([(compare(row, own[:, None])).sum(1) for row, own in zip(scores, thresholds, strict=True)])
        for compare in (np.less, np.less_equal)
    )
    ranks = (2 + 2 * less if strict else 1 + less + upto).reshape(len(x), -1, ks[-1]).cumsum(-1)
    ties = (upto - less > 1).reshape(len(x), -1, ks[-1]).cumsum(-1)
    at = np.asarray(ks) - 1
    return found, ranks[..., at], ties[..., at]


def _columns(n, n_wanted, seed=0):
    return (np.arange(n)[:, None] + np.random.default_rng(seed).integers(1, n, (n, n_wanted))) % n


@pytest.mark.parametrize("n", [3, TILE - 1, TILE, TILE + 1, 1300])
@pytest.mark.parametrize("strict", [False, True])
def test_ranks_from_tiles_equal_brute_force(n, strict):
    x = np.random.default_rng(n).standard_normal((n, 700)).astype(np.float32)
    found, ranks, ties = _both_ways(x, _columns(n, 12), (1, 2, 6), strict)
    assert not len(found.unsettled)
    np.testing.assert_array_equal(found.doubled, ranks)
    np.testing.assert_array_equal(found.tied, ties)


def test_a_few_duplicates_are_settled():
    x = np.random.default_rng(0).standard_normal((900, 33)).astype(np.float32)
    x[600:620], x[800:805] = x[:20], x[:5]
    columns = _columns(900, 4)
    columns[300:320, 0], columns[300:320, 2] = np.arange(20), np.arange(600, 620)
    found, ranks, ties = _both_ways(x, columns, (1, 2))
    assert not len(found.unsettled)
    np.testing.assert_array_equal(found.doubled, ranks)
    np.testing.assert_array_equal(found.tied, ties)
    assert (ties[300:320, 0, 0] == 1).all()


def test_rows_with_more_ties_than_are_kept_are_named():
    x = np.random.default_rng(0).standard_normal((700, 5)).astype(np.float32)
    x[100:] = np.round(x[100:])
    found, ranks, _ = _both_ways(x, _columns(700, 6), (1, 3))
    settled = np.setdiff1d(np.arange(700), found.unsettled)
    assert 0 < len(settled) < 400
    np.testing.assert_array_equal(found.doubled[settled], ranks[settled])
    assert (found.doubled[found.unsettled] == 0).all()


def test_rows_whose_bounds_do_not_hold_are_named(monkeypatch):
    """Where the platform's products were further off than was thought, nothing wrong comes out."""
    from jaxsim_kernels.host import tile_loops

    guess, x = tile_loops.guess, np.random.default_rng(0).standard_normal((600, 900)).astype(np.float32)
    monkeypatch.setattr(tile_loops, "guess", lambda *given: guess(*given[:4], np.float32(3e-8), *given[5:]))
    found, ranks, _ = _both_ways(x, _columns(600, 8), (1,))
    settled = np.setdiff1d(np.arange(600), found.unsettled)
    assert len(found.unsettled)
    assert len(settled)
    np.testing.assert_array_equal(found.doubled[settled], ranks[settled])


def test_memory_is_counted():
    bounds, exact, kept, counts, columns, sums = 2 * 4, 4, 4 * tiles.n_kept(4096), 2 * 4, 2 * 4, 8 + 4
    assert tiles.tile_bytes(4096, 24, 4) == 4096 * 24 * (bounds + exact + kept + counts + columns + sums)
