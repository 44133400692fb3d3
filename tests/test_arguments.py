"""One set of checks: functions, settings and command line accept the same and say the same.

Values of other types are among the bad calls, which are made where nothing but the library checks types.
"""

import numpy as np
import pytest
from typer.testing import CliRunner

import jaxsim
from jaxsim.arguments import MOST, whole_number
from jaxsim.cli.app import app
from jaxsim.data import load_batches, open_images
from jaxsim.features import extract
from jaxsim.study import checked_settings

X = {"a": np.random.default_rng(0).normal(size=(24, 4))}


def said_by(call, **options):
    with pytest.raises(ValueError, match="expected") as caught:
        call(**options)
    return str(caught.value)


NOT_KS = [0, -1, 1.5, "1", True, None, {}, {1: 2}, {1}, [1, 1], [], (1, "2"), np.ones((2, 2), int)]


@pytest.mark.parametrize("value", NOT_KS)
def test_k_is_refused_alike(value):
    in_settings = said_by(checked_settings, k=value)
    assert said_by(lambda k: jaxsim.imbalance_matrix(X, k=k), k=value) == in_settings
    assert said_by(lambda k: jaxsim.information_imbalance(X["a"], X["a"], k=k), k=value) == in_settings
    assert said_by(lambda k: jaxsim.label_overlap(X["a"], np.arange(24) % 3, k=k), k=value) == in_settings


@pytest.mark.parametrize("value", [2, np.int64(2), np.array(2), [1, 2], (2, 1), range(1, 3), np.array([1, 2])])
def test_k_is_taken_alike(value):
    taken = jaxsim.imbalance_matrix(X, k=value).k
    assert checked_settings(k=value).k == tuple(sorted(taken if isinstance(taken, tuple) else (taken,)))


@pytest.mark.parametrize("value", [-1, True, 10**5000, 2**63], ids=["negative", "flag", "huge", "too large"])
def test_seeds_are_refused_alike(value):
    in_settings = said_by(checked_settings, k=1, seed=value)
    assert said_by(lambda seed: jaxsim.imbalance_matrix(X, seed=seed), seed=value) == in_settings
    assert said_by(lambda seed: open_images("digits").subset(2, seed), seed=value) == in_settings


@pytest.mark.parametrize("value", [0, -1, True, 10**5000], ids=["zero", "negative", "flag", "huge"])
def test_batch_sizes_are_refused_alike(value):
    model, images = jaxsim.load_model("embedded:cnn_selfsup_0"), open_images("rendered:2")
    in_settings = said_by(checked_settings, k=1, batch_size=value)
    assert said_by(lambda batch_size: extract(model, images, batch_size=batch_size), batch_size=value) == in_settings
    assert said_by(lambda batch_size: load_batches(images, np.stack, batch_size), batch_size=value) == in_settings


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("--k", "9" * 5000, "expected --k as integers separated by commas"),
        ("--k", "", "expected --k as integers"),
        ("--k", "0", "expected every k to be an integer of at least 1, got 0"),
        ("--image-size", "9" * 5000, "expected --image-size as 224"),
        ("--image-size", "", "expected --image-size as 224"),
        ("--image-size", "100000", "of 1 to 8192 pixels, got 100000"),
        ("--clip", "", "two quantiles"),
        ("--groups", "", "near_duplicates, column:NAME, or groups in a file"),
        ("--seed", "-1", "expected seed to be an integer of at least 0, got -1"),
        ("--batch-size", "0", "expected batch_size to be an integer of at least 1, got 0"),
        ("--pool", "spatial:" + "9" * 5000, "unknown pool 'spatial:999"),
        ("--images", "rendered:" + "9" * 5000, "expected rendered, rendered:N or rendered:N:SEED"),
    ],
)
def test_the_command_line_says_what_the_functions_say(tmp_path, option, text, words):
    options = {"--images": "rendered:20", "--out": str(tmp_path / "run"), option: text}
    given = [part for pair in options.items() for part in pair]
    result = CliRunner().invoke(app, ["compare", "embedded:cnn_selfsup_0", *given])
    assert result.exit_code != 0
    assert words in " ".join(result.stderr.split())
    assert len(result.stderr) < 600
    assert not (tmp_path / "run").exists()


def test_numbers_in_texts():
    assert (whole_number("0012"), whole_number(str(MOST)), whole_number("0" * 5000 + "7")) == (12, MOST, 7)
    for text in ("", "-1", "+1", " 1", "1.0", "1e3", "0x1", str(MOST + 1), "9" * 5000):
        assert whole_number(text) is None
