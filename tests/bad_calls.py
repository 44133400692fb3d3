"""Run by test_bad_calls in a process of its own, where nothing but the library checks types: calls that mean nothing.

Prints, as JSON, how many calls were made and what was said of those that were not refused in a sentence.
"""

import json
import re

import numpy as np

import jaxsim
from jaxsim.study import checked_settings

X = np.random.default_rng(0).normal(size=(24, 4))
LAYERS = {"a": X, "b": X[:, :2]}
MODEL = "embedded:cnn_selfsup_0"

NOT_COUNTS = [-1, 1.5, "3", True, [1, 2], float("nan"), {}]
NOT_FLAGS = ["no", "", 1, 0, 1.5, [True], {}]
NOT_NAMES = ["manhattan", "", 1, True, ["euclidean"], b"euclidean"]
NOT_KS = [0, -1, 1.5, "1", True, None, [], [1, 1], [0], {}, 23, (1, "2"), float("nan")]

SAYS = "got|needs|measure"
NOT_MEASURES = ["cak", "", "CKA", None, 1, True, 1.5, (), [], {}, {"x": 1}, ["x"], [1], [None], b"cka", object]

#: Options of every function that takes them, and values that they cannot have.
OPTIONS = {
    jaxsim.imbalance_matrix: {
        "k": NOT_KS,
        "metric": [*NOT_NAMES, None],
        "ties": [*NOT_NAMES, None],
        "precision": [*NOT_NAMES, None],
        "plan": ["x", "", 1, True],
        "n_queries": [0, 1, 25, *NOT_COUNTS],
        "seed": [None, *NOT_COUNTS],
        "budget": [0, *NOT_COUNTS],
        "strict": [None, *NOT_FLAGS],
        "drop_duplicates": [None, *NOT_FLAGS],
        "keep_rows": [None, *NOT_FLAGS],
        "keep_neighbours": [None, *NOT_FLAGS],
        "verify": [None, 0, -1, 1.5, "yes", [1]],
        "n_splits": [None, 99, *NOT_COUNTS],
        "progress": [1, "yes", True, [print]],
        "devices": [0, -1, True, 1.5, "cpu", 99, []],
        "clip": [0.5, (0.9, 0.1), (0.1,), "ab", (0.1, 0.5, 0.9), True, (-0.1, 0.5)],
        "groups": [[1, 2], 5, [[0] * 24]],
    },
    jaxsim.measure: {
        "measures": [*NOT_MEASURES, "participation_ratio", ("cka", "gride")],
        "k": NOT_KS,
        "metric": [*NOT_NAMES, None],
        "ties": [*NOT_NAMES, None],
        "precision": [*NOT_NAMES, None],
        "plan": ["x", "", 1, True],
        "n_queries": [0, 1, 25, *NOT_COUNTS],
        "seed": [None, *NOT_COUNTS],
        "budget": [0, *NOT_COUNTS],
        "drop_duplicates": [None, *NOT_FLAGS],
        "n_splits": [None, 99, *NOT_COUNTS],
        "progress": [1, "yes", True, [print]],
        "devices": [0, -1, True, 1.5, "cpu", 99, []],
        "clip": [0.5, (0.9, 0.1), (0.1,), "ab", (0.1, 0.5, 0.9), True, (-0.1, 0.5)],
        "groups": [[1, 2], 5, [[0] * 24]],
    },
    jaxsim.describe: {
        "measures": [*NOT_MEASURES, "cka", ("gride", "cka")],
        "k": NOT_KS,
        "metric": [*NOT_NAMES, None],
        "precision": [*NOT_NAMES, None],
        "seed": [None, *NOT_COUNTS],
        "budget": [0, *NOT_COUNTS],
        "drop_duplicates": [None, *NOT_FLAGS],
        "n_splits": [None, 99, *NOT_COUNTS],
        "progress": [1, "yes", True, [print]],
        "devices": [0, -1, True, 1.5, "cpu", 99, []],
        "clip": [0.5, (0.9, 0.1), (0.1,), "ab", True],
        "groups": [[1, 2], 5, [[0] * 24]],
    },
    jaxsim.mutual_knn: {"k": NOT_KS, "metric": [*NOT_NAMES, None], "precision": [*NOT_NAMES, None]},
    jaxsim.cka: {"precision": [*NOT_NAMES, None]},
    jaxsim.information_imbalance: {
        "k": NOT_KS,
        "metric": [*NOT_NAMES, None],
        "ties": [*NOT_NAMES, None],
        "precision": [*NOT_NAMES, None],
        "strict": [None, *NOT_FLAGS],
    },
    jaxsim.label_overlap: {
        "k": NOT_KS,
        "metric": [*NOT_NAMES, None],
        "ties": [*NOT_NAMES, None],
        "precision": [*NOT_NAMES, None],
        "n_queries": [0, 1, 25, *NOT_COUNTS],
        "seed": [None, *NOT_COUNTS],
    },
    jaxsim.near_duplicates: {
        "ratio": [0, 1, -0.5, "0.4", True, [0.4], float("nan")],
        "neighbours": [1, None, *NOT_COUNTS],
        "ids": [["a"], ["a"] * 25],
    },
}
GIVEN = {
    jaxsim.imbalance_matrix: (LAYERS,),
    jaxsim.measure: (LAYERS,),
    jaxsim.describe: (LAYERS,),
    jaxsim.mutual_knn: (X, X[:, :2]),
    jaxsim.cka: (X, X[:, :2]),
    jaxsim.information_imbalance: (X, X[:, :2]),
    jaxsim.label_overlap: (X, np.arange(24) % 3),
    jaxsim.near_duplicates: (X,),
}

SETTINGS = {
    "k": [each for each in NOT_KS if each != 23],
    "metric": [*NOT_NAMES, None],
    "ties": [*NOT_NAMES, None],
    "precision": [*NOT_NAMES, None],
    "granularity": [*NOT_NAMES, None],
    "plan": ["x", "", 1, True],
    "pool": [None, 1, True, ["mean"]],
    "n_samples": [0, *NOT_COUNTS],
    "n_queries": [0, 1, *NOT_COUNTS],
    "devices": [0, *NOT_COUNTS],
    "batch_size": [0, None, *NOT_COUNTS],
    "seed": [None, *NOT_COUNTS],
    "n_splits": [1, 99, *NOT_COUNTS],
    "strict": [None, *NOT_FLAGS],
    "overwrite": [None, *NOT_FLAGS],
    "drop_duplicates": [None, *NOT_FLAGS],
    "verify": [None, 0, -1, 1.5, "yes"],
    "image_size": [0, -1, 1.5, True, "x", (0, 8), (1, 2, 3)],
    "statistics": [0, 7, 1.5, "yes", (8, 8, 8)],
    "clip": [0.5, (0.9, 0.1), "ab"],
    "measures": [*[each for each in NOT_MEASURES if each not in (None, (), [])], "gride", "hsic", "hsic_biased"],
    "describe": [*[each for each in NOT_MEASURES if each not in (None, (), [])], "cka"],
}

LAYERS_THAT_ARE_NONE = [
    {},
    [],
    None,
    1,
    "abc",
    b"abc",
    {"a", "b"},
    {1: X, "1": X},
    {None: X, "b": X},
    {1.5: X, "b": X},
    {"a": None},
    {"a": "text"},
    {"a": X[0]},
    {"a": X, "b": X[:5]},
    {"a": X * np.nan},
    {"a": X.astype(str)},
]


def calls():
    """Name, function, positional arguments, keywords and a pattern of what is said."""
    for function, options in OPTIONS.items():
        for name, values in options.items():
            for value in values:
                yield f"{function.__name__}({name}={value!r})", function, GIVEN[function], {name: value}, SAYS
    for layers in LAYERS_THAT_ARE_NONE:
        yield (
            f"imbalance_matrix({str(layers)[:40]})",
            jaxsim.imbalance_matrix,
            (layers,),
            {},
            "got|expected|must|needs|NaN",
        )
    for name, values in SETTINGS.items():
        for value in values:
            yield f"checked_settings({name}={value!r})", checked_settings, (), {"k": 1, name: value}, SAYS
    for name, value in [("progress", 1), ("progress", "yes"), ("report", "no"), ("report", None)]:
        yield f"compare({name}={value!r})", jaxsim.compare, ([MODEL], "digits"), {name: value}, f"expected {name}"
    images = jaxsim.open_images("rendered:5")
    arrays = jaxsim.open_images(np.zeros((5, 8, 8, 3), np.uint8))
    for index in (-1, 5, 1.0, True, "0", None):
        for source in (images, arrays, images.select([0, 1, 2, 3, 4])):
            yield f"{type(source).__name__}.load({index!r})", source.load, (index,), {}, "from 0 to 4"
    for n in (0, 6, -1, 1.5, True, "2", None):
        yield f"subset({n!r})", images.subset, (n,), {}, "between 1 and 5"


def main(made_of):
    """Makes the calls, and prints what came of them."""
    made, wrong = 0, {}
    for name, function, given, keywords, said in made_of:
        made += 1
        try:
            function(*given, **keywords)
        except ValueError as error:
            if not re.search(said, str(error)):
                wrong[name] = f"ValueError: {error}"
        except Exception as error:
            wrong[name] = f"{type(error).__name__}: {error}"
        else:
            wrong[name] = "accepted"
    print(json.dumps({"made": made, "wrong": wrong}))


if __name__ == "__main__":
    main(calls())
