"""What lies on the device while the features are measured: no model's weights."""

import gc

import jax
import numpy as np
import pytest

import jaxsim
from jaxsim.models import load_model
from jaxsim.study.run import comparison, extraction

MODEL = "embedded:vit_digits"


def large_arrays(shapes, apart_from=()):
    """Arrays on the device of the shapes of a model's kernels."""
    alive = [array for array in jax.live_arrays() if array.shape in shapes and not array.is_deleted()]
    return [array.shape for array in alive if not any(array is other for other in apart_from)]


@pytest.fixture(scope="module")
def shapes():
    return {leaf.shape for leaf in jax.tree.leaves(load_model(MODEL).params) if leaf.ndim >= 2}


@pytest.fixture
def seen(monkeypatch, shapes):
    """What there was when features were extracted, and when measuring began."""
    found = {"extracting": [], "measuring": []}
    # What an earlier test has left, until the interpreter lets it go, is not of this one.
    gc.collect()
    before = [array for array in jax.live_arrays() if array.shape in shapes]
    measure, extract = comparison.measure, extraction.extract_together

    def measured(*args, **options):
        found["measuring"].append(large_arrays(shapes, before))
        return measure(*args, **options)

    def extracted(*args, progress=None, **options):
        def watched(done, total, what):
            found["extracting"].append(len(large_arrays(shapes, before)))

        return extract(*args, progress=watched, **options)

    monkeypatch.setattr(comparison, "measure", measured)
    monkeypatch.setattr(extraction, "extract_together", extracted)
    return found


@pytest.mark.slow
def test_models_and_their_twins_leave_the_device_before_measuring(seen):
    jaxsim.compare([MODEL, MODEL], "digits", n_samples=40, batch_size=20, untrained=True, n_splits=0)
    assert max(seen["extracting"]) > 0
    assert seen["measuring"] == [[], []]


def test_a_model_that_was_given_is_left_where_it_is(seen):
    model = load_model(MODEL)
    jaxsim.compare([model], "digits", n_samples=40, batch_size=20, n_splits=0)
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves(model.params))
    host = model.on_host()
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(host.params))
    images = host.preprocess([np.zeros((8, 8), np.uint8)])
    for name, state in model(images).items():
        np.testing.assert_array_equal(host(images)[name], state)


@pytest.mark.slow
def test_a_comparison_runs_twice(seen):
    ready = jaxsim.study.prepare_comparison(
        [MODEL], "digits", settings=jaxsim.study.checked_settings(k=1, n_samples=40, batch_size=20, n_splits=0)
    )
    first, again = ready.run().imbalance, ready.run().imbalance
    np.testing.assert_array_equal(first, again)
    assert seen["measuring"] == [[], []]
