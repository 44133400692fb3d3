import pytest

from jaxsim.study.settings import check_sample_count, checked_settings


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
