"""All pairs of layers: oracle values, both regimes, both rankings, ties, subsampled queries, budgets."""

import numpy as np
import pytest
from jaxsim_kernels import Options, Workload, all_pairs, make_plan, one_pass, reference, verify_rows
from jaxsim_kernels import plan as planning
from jaxsim_kernels.ranker import CountingRanker, SortingRanker

WAYS = [("one-pass", "count"), ("one-pass", "sort"), ("two-pass", "count"), ("two-pass", "sort"), ("two-pass", "tile")]


@pytest.mark.parametrize("dtype", [pytest.param(np.float64, marks=pytest.mark.slow), np.float32])
def test_every_oracle_value(imbalance_oracle, recipe, dtype):
    """Tie-free values to 2e-5, tie cases exactly: float64 arithmetic makes both exact."""
    for entry in imbalance_oracle:
        x, y = recipe(*(entry[key] for key in ("recipe", "seed", "N", "Dx", "Dy")))
        tied = entry["recipe"] in ("R7", "R8")
        variants = {"": Options(ks=(1, 3, 10))}
        if tied and dtype == np.float64:
            variants = {
                "__select_index__rank_mid": Options(ks=(1, 3, 10)),
                "__select_index__rank_min": Options(ks=(1, 3, 10), strict=True),
                "__select_fractional__rank_mid": Options(ks=(1, 3, 10), ties="expected"),
            }
        elif tied:
            continue
        for rules, options in variants.items():
            values = all_pairs([x.astype(dtype), y.astype(dtype)], options=options).values
            for place, k in enumerate(options.ks):
                for name, (a, b) in {"X_to_Y": (0, 1), "Y_to_X": (1, 0)}.items():
                    key = f"ii_k{k}_{name}{rules}"
                    if key in entry["values"]:
                        assert values[place, a, b] == pytest.approx(entry["values"][key], abs=1e-9), (entry, key)


@pytest.fixture(scope="module")
def layers():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((1300, 24)).astype(np.float32)
    x[700:720] = x[:20]  # duplicated samples
    return [x, x[:, :7] + 10, np.tanh(x @ rng.standard_normal((24, 40))).astype(np.float32), np.round(x[:, :3])]


@pytest.mark.parametrize(("passes", "ranking"), WAYS[1:])
@pytest.mark.parametrize("n_queries", [None, pytest.param(77, marks=pytest.mark.slow)])
def test_all_ways_give_the_same_integers(layers, passes, ranking, n_queries):
    if ranking == "tile" and n_queries is not None:
        pytest.skip("tiles serve all samples")
    queries = None if n_queries is None else np.sort(np.random.default_rng(0).choice(1300, n_queries, replace=False))
    first = all_pairs(layers, queries, Options(ks=(1, 4), passes="one-pass", ranking="count", keep_rows=True))
    other = all_pairs(layers, queries, Options(ks=(1, 4), passes=passes, ranking=ranking, keep_rows=True))
    for name in ("values", "standard_error", "tied_neighbours", "tied_ranks", "rows"):
        np.testing.assert_array_equal(getattr(first, name), getattr(other, name), err_msg=name)
    assert other.plan.passes == passes
    assert other.plan.ranking == ranking


@pytest.mark.slow
def test_tiles_give_the_same_integers_where_products_are_summed_in_parts():
    """Products of many features are sums of partial sums: what the bounds of a score are there for."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((1100, 1000)).astype(np.float32)
    wide = [x, x * np.arange(1, 1001, dtype=np.float32) ** -0.5, np.abs(x) ** 3, x[:, :400] + 100 * x[:, :1]]
    strips, tiles = (
        all_pairs(wide, options=Options(ks=(1, 3), passes=passes, ranking=ranking, keep_rows=True))
        for passes, ranking in (("one-pass", "count"), ("two-pass", "tile"))
    )
    np.testing.assert_array_equal(strips.rows, tiles.rows)
    np.testing.assert_array_equal(strips.tied_ranks, tiles.tied_ranks)


def test_rows_in_another_order_are_not_taken_for_all_samples(layers):
    order = np.random.default_rng(0).permutation(1300)
    plain, other = (
        all_pairs(layers[:2], queries, Options(passes="two-pass", ranking="tile", keep_rows=True)).rows
        for queries in (None, order)
    )
    np.testing.assert_array_equal(plain[..., order], other)


@pytest.mark.parametrize(
    "pairs",
    [
        [(0, 1), (2, 0)],
        pytest.param([(0, 0), (0, 2), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2)], marks=pytest.mark.slow),
    ],
)
def test_float32_streaming_agrees_with_the_float64_reference(layers, pairs):
    found = all_pairs(layers[:3], options=Options(ks=(1, 4)))
    for a, b in pairs:
        expected = reference.information_imbalance(layers[a], layers[b], 4)
        assert found.values[1, a, b] == pytest.approx(expected, abs=2e-6)


def test_equal_layers_give_exactly_the_floor(layers):
    x = layers[0][:700]
    values = all_pairs([x, 2 * x, x[:, ::-1]], options=Options(ks=(1, 5))).values
    assert (values[0] == 2 / 700).all()
    assert (values[1] == 6 / 700).all()


def test_standard_error_is_that_of_row_means(layers):
    found = all_pairs(layers, options=Options(ks=(1, 4), keep_rows=True))
    rows = found.rows.astype(np.float64)
    expected = 2 / 1300 * rows.std(-1, ddof=1) / np.sqrt(1300)
    np.testing.assert_allclose(found.standard_error, expected, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(found.values, 2 / 1300 * rows.mean(-1), rtol=1e-6)


def test_independent_spaces_give_one_within_two_standard_errors():
    rng = np.random.default_rng(3)
    found = all_pairs([rng.standard_normal((1500, 30)), rng.standard_normal((1500, 30))])
    off = ~np.eye(2, dtype=bool)
    assert (np.abs(found.values[0][off] - 1) < 2 * found.standard_error[0][off]).all()
    assert found.standard_error[0][off] == pytest.approx(0.577 / np.sqrt(1500), rel=0.05)


def test_smallest_and_largest_k():
    x = np.random.default_rng(0).standard_normal((12, 2))
    y = np.random.default_rng(1).standard_normal((12, 2))
    for k in (1, 10):
        found = all_pairs([x, y], options=Options(ks=(k,)))
        assert found.values[0, 0, 1] == pytest.approx(reference.information_imbalance(x, y, k), abs=1e-12)


def test_a_large_offset_does_not_matter():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1200, 50))
    moved = [x, x + 1e4, (x + 1e3).astype(np.float32), x * 1e-30, x * 1e30]
    values = all_pairs(moved, options=Options(precision="highest")).values[0]
    assert np.abs(values - 2 / 1200).max() < 1e-4
    assert (values[0, :2] == 2 / 1200).all()


@pytest.mark.slow
def test_verification_sees_what_a_lower_precision_does(layers):
    rows = np.arange(0, 1300, 40)
    exact = verify_rows(layers[:3], rows, Options(ks=(1, 4), precision="float64"))
    assert exact.largest_deviation == 0
    rough = verify_rows(layers[:3], rows, Options(ks=(1, 4), precision="fast"))
    fine = verify_rows(layers[:3], rows, Options(ks=(1, 4), precision="high"))
    assert rough.largest_deviation > 10 * fine.largest_deviation
    assert rough.changed_rows > 0.1
    assert "rechecked" in str(rough)


class TestPlanning:
    def test_budget_chooses_the_regime(self):
        work = Workload(50_000, 50_000, (512,) * 100, 1)
        assert make_plan(work).passes == "two-pass"
        assert make_plan(Workload(5000, 5000, (512,) * 4, 1)).passes == "one-pass"

    def test_budget_too_small_says_the_smallest_that_works(self, layers):
        work = Workload(1300, 1300, (24, 7), 1)
        with pytest.raises(ValueError, match=r"smallest that works is ([\d,]+) bytes") as caught:
            make_plan(work, budget=1000)
        smallest = int(str(caught.value).split("works is ")[1].split(" ")[0].replace(",", ""))
        assert make_plan(work, budget=smallest).n_bytes == smallest
        with pytest.raises(ValueError, match="budget"):
            make_plan(work, budget=smallest - 1)
        small = all_pairs(layers[:2], options=Options(budget=smallest))
        np.testing.assert_array_equal(small.values, all_pairs(layers[:2]).values)

    def test_rankings_that_do_not_exist_are_refused(self, layers):
        for passes, metric, ranking in (("one-pass", "euclidean", "tile"), ("two-pass", "precomputed", "tile")):
            given = [np.abs(x[:40, None] - x[None, :40]).sum(-1) for x in layers[:2]]
            with pytest.raises(ValueError, match="does not exist here"):
                all_pairs(given, options=Options(passes=passes, metric=metric, ranking=ranking))
        with pytest.raises(ValueError, match="full precision"):
            all_pairs(layers[:2], options=Options(passes="two-pass", precision="fast", ranking="tile"))
        with pytest.raises(ValueError, match="all samples"):
            make_plan(Workload(1300, 20, (24,), 1), passes="two-pass", ranking="tile")

    def test_tiles_are_chosen_where_they_save_more_than_they_cost(self):
        assert make_plan(Workload(4096, 4096, (768,) * 24, 1), passes="two-pass").ranking == "tile"
        assert make_plan(Workload(5000, 5000, (256,) * 200, 1), passes="two-pass").ranking == "sort"
        assert make_plan(Workload(4096, 100, (768,) * 24, 1), passes="two-pass").ranking == "sort"

    def test_expected_ties_need_one_pass(self, layers):
        with pytest.raises(ValueError, match="one-pass"):
            all_pairs(layers, options=Options(ties="expected", passes="two-pass"))


@pytest.mark.parametrize(("passes", "said"), [
    pytest.param("one-pass", "RESOURCE_EXHAUSTED: Out of memory allocating 1 byte", marks=pytest.mark.slow),
    # What XLA says on a CPU that has no more.
    ("two-pass", "INTERNAL: Error dispatching computation: Out of memory allocating 50331648 bytes."),
])  # fmt: skip
def test_out_of_memory_halves_the_block_and_goes_on(layers, monkeypatch, passes, said):
    import jax

    plain = all_pairs(layers, options=Options(passes=passes))

    def failing_above_a_hundred_rows(real):
        def ranks(self, strip, layer, columns):
            if strip.shape[0] > 100:
                raise jax.errors.JaxRuntimeError(said)
            return real(self, strip, layer, columns)

        return ranks

    for ranker in (CountingRanker, SortingRanker):
        monkeypatch.setattr(ranker, "ranks", failing_above_a_hundred_rows(ranker.ranks))
    found = all_pairs(layers, options=Options(passes=passes))
    np.testing.assert_array_equal(found.values, plain.values)
    assert found.plan.rows <= 100
    assert any("out of memory" in note for note in found.notes)


def test_a_bounded_number_of_programs_is_compiled(monkeypatch):
    """Any N and any widths within one bucket meet programs that are compiled already."""
    import jax

    compiled = []
    monkeypatch.setattr(planning, "SORT_FROM_THRESHOLDS", 10**9)
    rng = np.random.default_rng(0)

    def listen(event, duration, **kwargs):
        if event.endswith("backend_compile_duration"):
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        for n, widths in [(1100, (33, 40)), (1300, (48, 35)), (1536, (41, 47)), (1150, (44, 36))]:
            all_pairs([rng.standard_normal((n, d)).astype(np.float32) for d in widths])
            if n == 1100:
                first = len(compiled)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert first <= 8
    assert len(compiled) == first, "later sizes of the same bucket compiled again"


@pytest.mark.parametrize(("ties", "owner", "step", "call"), [
    ("index", CountingRanker, "ranks", 3), ("expected", one_pass, "expected_contributions", 1),
])  # fmt: skip
def test_a_block_that_is_done_again_is_counted_once(monkeypatch, ties, owner, step, call):
    """Ties of neighbours, sums and halves: nothing is added before the last step that can run out of memory."""
    import jax

    rng = np.random.default_rng(5)
    grids = [rng.integers(0, 3, (300, 4)).astype(np.float32) for _ in range(3)]
    options, sides = Options(ties=ties, ks=(1, 4), passes="one-pass"), np.arange(300)[None] % 2 == 1
    plain = all_pairs(grids, options=options, sides=sides)
    calls, real = [], getattr(owner, step)

    def failing(*given):
        calls.append(step)
        if len(calls) == call:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 byte")
        return real(*given)

    monkeypatch.setattr(owner, step, failing)
    found = all_pairs(grids, options=options, sides=sides)
    assert any("out of memory" in note for note in found.notes)
    assert plain.tied_neighbours.max() > 0.1
    for name in ("values", "tied_neighbours", "tied_ranks", "standard_error", "halves"):
        # Expected ties are fractions, which smaller blocks add in another order.
        np.testing.assert_allclose(getattr(found, name), getattr(plain, name), rtol=1e-12 if ties == "expected" else 0)


class TestLargeSums:
    """Sums of ranks in integers of 32 bits, as a device without wider ones adds them."""

    @pytest.mark.parametrize(("n", "k"), [(1_000_000, 100), (3_000_000, 300), (500_000, 2000), (300, 4)])
    def test_limbs(self, n, k):
        import jax.numpy as jnp
        from jaxsim_kernels.pair import added

        # Independent spaces: a row's doubled ranks add up to k N on average; block sums as `pair_imbalance` forms them.
        rng = np.random.default_rng(0)
        n_blocks = -(-n // 256)
        rows = rng.integers(0, 2 * k * n, (n_blocks, 16), dtype=np.int64).repeat(16, axis=1)
        low, high = (rows & 0x7FFF).sum(1), (rows >> 15).sum(1)
        assert max(low.max(), high.max()) < 2**31
        found = added(jnp.asarray(low, np.int32), jnp.asarray(high, np.int32), np.float32)
        assert float(found) == pytest.approx(float(rows.sum()), rel=1e-6)

    def test_more_than_a_row_can_hold_is_refused_before_the_work(self):
        import jax
        from jaxsim_kernels import pair_imbalance

        wide = jax.ShapeDtypeStruct((1 << 20, 4), np.float32)
        jax.eval_shape(lambda x: pair_imbalance(x, x, (1000,)), wide)
        with pytest.raises(ValueError, match=r"k of at most 1023"):
            jax.eval_shape(lambda x: pair_imbalance(x, x, (1024,)), wide)
        with pytest.raises(ValueError, match=r"k of at most 1023"):
            make_plan(Workload(1 << 20, 8, (8,), 1024), ranking="count")
        # The host's own loops add in 64 bits.
        assert make_plan(Workload(1 << 20, 8, (8,), 1024)).ranking == "sort"
