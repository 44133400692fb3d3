import numpy as np
import pytest

from jaxsim.study import compare
from jaxsim.study.run.compare import splits_of_subsets
from jaxsim.study.run.settings import checked_settings
from jaxsim.study.run.settings_fit import check_sample_count


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"k": 0}, "every k to be an integer of at least 1, got 0"),
        ({"k": (1, -3)}, "got -3"),
        ({"k": True}, "got True"),
        ({"k": ()}, "at least one k"),
        ({"k": (1, 1)}, "each once"),
        ({"k": 1, "metric": "manhattan"}, "one of euclidean, cosine, correlation, got 'manhattan'"),
        ({"k": 1, "ties": "random"}, "one of index, expected"),
        ({"k": 1, "granularity": "layer"}, "one of block, hf"),
        ({"k": 1, "n_samples": 0}, "n_samples to be an integer of at least 1, got 0"),
        ({"k": 1, "n_queries": 1}, "n_queries to be an integer of at least 2, got 1"),
        ({"k": 1, "batch_size": 0}, "batch_size"),
        ({"k": 1, "seed": -1}, "seed to be an integer of at least 0"),
        ({"k": 1.0}, "every k to be an integer of at least 1, got 1.0"),
        ({"k": np.array(True)}, "every k"),
        ({"k": np.array([1, 0])}, "got np.int64"),
        ({"k": "1"}, "got '1'"),
        ({"k": None}, "got None"),
        ({"k": 1, "seed": True}, "seed to be an integer of at least 0, got True"),
        ({"k": 1, "seed": None}, "seed to be an integer of at least 0, got None"),
        ({"k": 1, "n_samples": np.bool_(True)}, "n_samples to be an integer"),
        ({"k": 1, "n_queries": 5.0}, "n_queries to be an integer of at least 2, got 5.0"),
        ({"k": 1, "strict": "no"}, "strict to be True or False, got 'no'"),
        ({"k": 1, "overwrite": 1}, "overwrite to be True or False, got 1"),
        ({"k": 1, "verify": 0.5}, "verify to be an integer of at least 1, got 0.5"),
        ({"k": 1, "n_splits": 1}, "n_splits to be an integer from 2 to 15, or 0 for no intervals, got 1"),
        ({"k": 1, "n_splits": 16}, "got 16"),
        ({"k": 1, "n_splits": True}, "got True"),
        ({"k": 1, "image_size": 0}, "image_size as an edge"),
        ({"k": 1, "image_size": (8, 8, 8)}, "image_size as an edge"),
        ({"k": 1, "image_size": "224"}, "image_size as an edge"),
    ],
)
def test_impossible_settings_are_refused(fields, message) -> None:
    with pytest.raises(ValueError, match=message):
        checked_settings(**fields)


def test_several_k_come_in_increasing_order() -> None:
    assert checked_settings(k=[10, 1, 3]).k == (1, 3, 10)
    assert checked_settings(k=5).k == (5,)


def test_k_plus_two_samples_are_needed() -> None:
    check_sample_count(12, checked_settings(k=(1, 10)))
    with pytest.raises(ValueError, match=r"at least k \+ 2 = 12 samples for k=10, got 11"):
        check_sample_count(11, checked_settings(k=(1, 10)))


def test_no_more_queries_than_samples() -> None:
    check_sample_count(20, checked_settings(k=1, n_queries=20))
    with pytest.raises(ValueError, match="n_queries of at most the 20 samples, got 21"):
        check_sample_count(20, checked_settings(k=1, n_queries=21))


def test_integers_of_numpy_become_pythons() -> None:
    found = checked_settings(
        k=np.array([10, 1]),
        **{name: np.int64(4) for name in ("n_samples", "n_queries", "devices", "batch_size", "seed", "n_splits")},
        image_size=(np.int32(8), 9),
        statistics=np.int64(16),
    )
    assert found.k == (1, 10)
    assert found.image_size == (8, 9)
    numbers = [*found.k, found.n_samples, found.seed, found.n_splits, *found.image_size, found.statistics]
    assert all(type(each) is int for each in numbers)
    assert checked_settings(k=np.array(3)).k == checked_settings(k=np.int8(3)).k == (3,)


def test_steps_are_globs_for_all_models_or_for_each() -> None:
    found = checked_settings(k=1, steps="block*", drop_steps={"vit": ["norm"]})
    assert (found.steps, found.drop_steps) == (("block*",), {"vit": ("norm",)})
    assert checked_settings(k=1, n_splits=0).n_splits == 0
    assert checked_settings(k=1).n_splits is None


@pytest.mark.slow
def test_disjoint_subsets_are_a_thing_of_the_past(random_vit) -> None:
    with pytest.warns(DeprecationWarning, match="n_splits=0 for none"):
        study = compare(random_vit(0), np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3), np.uint8), n_subsets=0)
    assert study.findings is None
    with pytest.warns(DeprecationWarning, match="balanced half-samples"):
        assert splits_of_subsets(10, None) is None
