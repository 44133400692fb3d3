"""Run by test_bad_calls like `bad_calls`: calls that mean nothing, by the room that has to refuse them."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import xarray as xr
from bad_calls import main

import jaxsim
from jaxsim import plot
from jaxsim.data import ArraySource, FolderSource, factor_spaces, load_batches, open_images
from jaxsim.features import estimate, extract
from jaxsim.metrics import find_measures
from jaxsim.study import StepLabel, Study, label_imbalance

SAYS = "xpected|must|needs|has no|unknown|holds|o such|is empty|got|chooses|came twice|cannot save"
HUGE = 10**5000
NINES = "9" * 5000
NOT_COUNTS = [-1, 1.5, "3", True, [1, 2], float("nan"), {}, HUGE, 2**63]
NOT_FLAGS = ["no", "", None, 1, 0, 1.5, [True], {}]
NOT_PATHS = [1, 1.5, True, ["a"], {}, "", " ", "a\0b", b"", object]
N = 24
X = np.random.default_rng(0).normal(size=(N, 4))
SQUARE = np.abs(X[:, :1] - X[:, 0])
MODEL = "embedded:cnn_selfsup_0"
PAIR_FUNCTIONS = (
    "cka", "cka_angular", "hsic", "rsa", "rv", "distance_correlation", "distance_covariance", "mutual_knn",
    "neighbourhood_overlap", "knn_jaccard", "cknna", "cknna_paper", "cknna_biased", "cycle_knn", "lcs_knn",
    "rank_similarity", "joint_rank_jaccard", "second_order_cosine",
)  # fmt: skip
FACTOR_FUNCTIONS = (
    "procrustes", "size_and_shape", "angular_shape", "mean_cca", "r2_cca", "svcca", "pwcca", "linear_regression",
    "gulp", "eigenspace_overlap", "hard_matching", "semi_matching", "soft_matching", "soft_matching_distance",
)  # fmt: skip
LAYER_FUNCTIONS = (
    "twonn", "gride", "mle_dimension", "participation_ratio", "effective_rank", "matrix_entropy", "renyi2_entropy",
    "hubness",
)  # fmt: skip


def calls():
    """Name, function, positional arguments, keywords and a pattern of what is said."""
    for room in (images, features, models, metrics, measures, comparisons, studies, figures):
        for function, given, keywords in room():
            name = f"{function.__qualname__}({shown(given)}, {shown(keywords)})"
            yield name, function, given, keywords, SAYS


def images():
    """Sources, selections and batches."""
    texts = [NINES, "0", "-1", "x", "1:2:3", "1:", f"5:{NINES}"]
    names = ["", " ", "no/such/folder", "digits:5", "a\0b", *(f"rendered:{text}" for text in texts)]
    lists = [[], [1], ["a.png"], [None], [np.zeros((0, 4, 3), np.uint8)], [np.zeros((4, 0), np.uint8)], [X]]
    empty, one = PIL.Image.new("L", (0, 0)), PIL.Image.new("L", (4, 4))
    shapes = [(0, 4, 4), (2, 0, 4), (2, 4, 0, 3), (4, 4), (2, 4, 4, 2), (2, 3, 4, 4), (2, 1, 4, 4, 3), ()]
    arrays = [np.zeros(shape, np.uint8) for shape in shapes]
    arrays += [np.zeros((2, 4, 4)).astype(dtype) for dtype in (bool, np.int8, np.float32, complex, object, "S1")]
    for each in (1, 1.5, True, None, {}, {1}, object, b"digits", [empty], one, *names, *lists, *arrays):
        yield open_images, (each,), {}
    for key in ("images", 1, ""):
        yield open_images, ("digits",), {"key": key}
    for each in (0, 2_000_001, None, *NOT_COUNTS):
        yield jaxsim.rendered, (each,), {}
    for each in (None, *NOT_COUNTS):
        yield jaxsim.rendered, (3, each), {}
    for ids in ([], ["a"], ["rendered/0"], [f"rendered/0/{NINES}"], [f"rendered/{NINES}/0"], [1], 3):
        yield factor_spaces, (ids,), {}
    source = open_images("rendered:5")
    for chosen in ([], [5], [-1], [0, 0], [0.0], "ab", None, [[0]], [True]):
        yield source.select, (chosen,), {}
    for seed in (None, *NOT_COUNTS):
        yield source.subset, (2, seed), {}
    for size in (0, None, *NOT_COUNTS):
        yield load_batches, (source, np.stack, size), {}
    for start in (6, None, *NOT_COUNTS):
        yield load_batches, (source, np.stack, 2), {"start": start}
    for stop in (6, *NOT_COUNTS):
        yield load_batches, (source, np.stack, 2), {"stop": stop}
    for threads in NOT_COUNTS:
        yield load_batches, (source, np.stack, 2), {"threads": threads}
    for path in (None, "no/such", *NOT_PATHS):
        yield FolderSource, (path,), {}
    for each in ("abc", None):
        yield ArraySource, (each,), {}


def features():
    """Extraction and what it has kept."""
    model, few = jaxsim.load_model(MODEL), open_images("rendered:4")
    spatial = [f"spatial:{each}" for each in ("", "0", "-1", "1025", NINES)]
    pools = [None, 1, "", "median", ["mean"], "cls", *spatial]
    for name, values in {
        "pool": pools,
        "batch_size": [0, None, *NOT_COUNTS],
        "dtype": [None, 1, "float64", np.float32, ["float32"]],
        "strict": NOT_FLAGS,
        "overwrite": NOT_FLAGS,
        "verify_images": NOT_FLAGS,
        "threads": NOT_COUNTS,
        "progress": [1, "yes", True],
        "out": NOT_PATHS,
    }.items():
        for value in values:
            yield extract, (model, few), {name: value}
    for bad in (None, 1, "vit", Path("vit"), [model], {}, type(model), X):
        yield extract, (bad, few), {}
        yield estimate, (bad, 4), {}
    for bad in (None, 1, [], "no/such", X):
        yield extract, (model, bad), {}
    for path in (None, "no/such", *NOT_PATHS):
        yield jaxsim.open_features, (path,), {}
    for n in (None, *NOT_COUNTS):
        yield estimate, (model, n), {}
    for dtype in ("x", None, 1):
        yield estimate, (model, 4), {"dtype": dtype}
    for pool in pools:
        yield estimate, (model, 4), {"pool": pool}


def models():
    """Checkpoints and live modules."""
    for name, values in {
        "granularity": [None, 1, "", "layer", ["block"]],
        "init": [None, 1, "", "zeros", True],
        "dtype": [None, 1, "float64", "int8", ["float32"]],
        "image_size": [0, -1, True, "x", 1.5, 10**7, (0, 8), (1, 2, 3), (None, 8), [], {}],
        "overrides": [1, "x", [1], {1: 2}, {"": 1}, {"no_such_key": 1}],
        "name": [1, "", ["vit"]],
        "revision": [1, ""],
    }.items():
        for value in values:
            yield jaxsim.load_model, (MODEL,), {name: value}
    for seed in (-1, True, None, 1.5, "3", [1], 10**30):
        yield jaxsim.load_model, (MODEL,), {"init": "random", "seed": seed}
    for source in ("", "embedded:no", None, 1, [MODEL], {MODEL}):
        yield jaxsim.load_model, (source,), {}
    for module in (None, 1, "vit", [], {}, X, object, print):
        yield jaxsim.capture, (module,), {"image_size": 8}


def metrics():
    """Arrays, labels, ids and dissimilarities."""
    labels = np.arange(N) % 3
    for bad in (None, 1, "abc", [], {}, {"a": X}, X[0], X * np.nan, X.astype(str), X[:, :0], object):
        yield jaxsim.label_overlap, (bad, labels), {}
        yield jaxsim.near_duplicates, (bad,), {}
        yield jaxsim.information_imbalance, (bad, X), {}
    for bad in (None, 1, "abc", [], {}, labels[:5], [labels], X[:, 0], [None] * N, [0] * N, np.arange(N), [{}] * N):
        yield jaxsim.label_overlap, (X, bad), {}
    for ids in (5, "abc", [1] * 3, ["a"], True):
        yield jaxsim.near_duplicates, (X,), {"ids": ids}
    for bad in (None, 1, "abc", [], X, -SQUARE - 1, SQUARE * np.nan, SQUARE.astype(str), SQUARE[:0, :0], {}, [[1, 2]]):
        yield jaxsim.Dissimilarities, (bad,), {}
    for ids in (5, "ab", ["a"] * N, ["a"], True, {}):
        yield jaxsim.Dissimilarities, (SQUARE, ids), {}
    for rows in ([N], [-1], [0.5], "ab", None, [[0]], [], [True], 3):
        yield jaxsim.Dissimilarities(SQUARE).select, (rows,), {}


def measures():
    """Measures of two arrays or of one, and declarations."""
    pair = [getattr(jaxsim, name) for name in PAIR_FUNCTIONS]
    factors = [getattr(jaxsim, name) for name in FACTOR_FUNCTIONS]
    single = [getattr(jaxsim, name) for name in LAYER_FUNCTIONS]
    for bad in (None, 1, "abc", [], {}, X[0], X * np.nan, X * np.inf, X.astype(str), X[:, :0], X[:1], object):
        for function in (*pair, *factors):
            yield function, (bad, X), {}
            yield function, (X, bad), {}
        for function in single:
            yield function, (bad,), {}
        for function in (jaxsim.measure, jaxsim.describe):
            yield function, ({"a": bad},), {}
    for function in factors:
        yield function, (X, X[:9]), {}
    for given in (-1, 1.5, float("nan"), "half", True, None, [1.0]):
        yield jaxsim.svcca, (X, X), {"share": given}
        yield jaxsim.angular_shape, (X, X), {"alpha": given}
        yield jaxsim.calibrate, ([X],), {"level": given}
        if given != 1.5:
            yield jaxsim.gulp, (X, X), {"regularisation": given}
    for given in (0, -1, 1.5, "many", None, True):
        yield jaxsim.calibrate, ([X],), {"n_permutations": given}
    for given in ("bootstrap", 1, True, ["moments"]):
        yield jaxsim.calibrate, ([X],), {"null": given}
        yield jaxsim.calibrate, ([X],), {"correction": given}
        yield jaxsim.svcca, (X, X), {"of": given}
    for flag in NOT_FLAGS:
        yield jaxsim.calibrate, ([X],), {"over_layers": flag}
        yield jaxsim.linear_regression, (X, X), {"by_feature": flag}
    for given in (None, 1, "abc", [], {}, [X[:9]], [X * np.nan]):
        yield jaxsim.calibrate, ([X], given if given is not None else [None]), {}
        yield jaxsim.calibrate, (given, [X]), {}
    for function in pair:
        yield function, (X, X[:9]), {}
        for precision in ("half", 1, None, True):
            yield function, (X, X), {"precision": precision}
    for function in (jaxsim.cka, jaxsim.hsic):
        for kernel in ("cubic", 1, None, ["linear"]):
            yield function, (X, X), {"kernel": kernel}
        for bandwidth in (0, -1.0, float("nan"), "wide", True, [1.0]):
            yield function, (X, X), {"kernel": "rbf", "bandwidth": bandwidth}
        for flag in NOT_FLAGS:
            yield function, (X, X), {"debiased": flag}
    for given in ("taxicab", 1, None, ["euclidean"]):
        yield jaxsim.rsa, (X, X), {"dissimilarity": given}
        yield jaxsim.rsa, (X, X), {"comparison": given}
    one, three = X[:, :1], X[:3]
    brain = {"features": X, "brain": jaxsim.Dissimilarities(SQUARE)}
    for layers, name, options in (
        ([three, three], "cka", {}),
        ([X, one], "rsa_correlation_pearson", {}),
        ([X, one], "rsa_correlation_spearman", {}),
        ([X, X], "cka", {"n_queries": 12}),
        ([X, X], "cycle_knn", {"n_queries": 12}),
        ([X, X], "rsa_euclidean_spearman", {"budget": 1}),
        ([X, X], "procrustes", {"budget": 1}),
        ([X, X], "mean_cca", {"n_queries": 12}),
        (brain, "mean_cca", {}),
        ([X, X], "mutual_knn", {"k": None}),
        ([X, X], "mutual_knn", {"k": ()}),
        (brain, "cka", {}),
        (brain, "rsa_cosine_pearson", {}),
        ([SQUARE, SQUARE], "cka", {"metric": "precomputed"}),
        ([X, X], "cka", {"n_splits": 99}),
    ):
        yield jaxsim.measure, (layers, name), options
    for name in ("effective_rank", "participation_ratio", "matrix_entropy"):
        yield jaxsim.describe, (brain, name), {}
    yield jaxsim.describe, ([X], "gride"), {"k": 12}
    cka = find_measures("cka")[0]
    for fields in (
        {"name": "a b"}, {"name": "imbalance"}, {"name": 3}, {"orientation": "alike"}, {"needs": frozenset()},
        {"needs": frozenset({"moments"})}, {"formula": 3},
    ):  # fmt: skip
        yield jaxsim.measure, ([X], replace(cka, **fields)), {}


def comparisons():
    """What a comparison is given beside its settings."""
    images = open_images(f"rendered:{N}")
    row = {images.ids[0]: [1]}
    labels = [None, 1, "abc", [0] * N, list(range(N)), [0, 1], [1.5] * N, X, {}, [None] * N]
    spaces = [None, 1, "abc", X[:5], X * np.nan, X.astype(str), X[:, :0], {}, row]
    for name, values in {
        "labels": [1, "class", ["a"] * N, *({key: ["a", "b"] * 12} for key in (1, "", "a/b"))],
        "groups": [1, "x", b"x", True, 1.5, [0, 1], [0] * N, [None] * N, [[0]] * N, {}, row],
        "spaces": [1, "x", X, [X], {1: X}, {"": X}, {"a/b": X}, *({"a": each} for each in spaces)],
        "untrained": [1, "yes", None, [], {"no": MODEL}],
        "measures": ["cak", "hsic", "gride", 1, ["x"], [None], {"cka": 1}],
        "describe": ["cka", "x", 1, [None]],
        "out": NOT_PATHS,
        "steps": [1, "", "no*", [], {}, {"no": "x"}, [1], True],
        "drop_steps": [1, "", "no*", [], {}, {"no": "x"}, [1], True, "*"],
        "verify_images": NOT_FLAGS,
        "n_samples": [N + 1],
        "n_queries": [N + 1],
        "k": [N, {1: 2}, {1, 2}, b"1", HUGE, np.ones((2, 2), int)],
        "pool": ["median", "cls", f"spatial:{NINES}"],
        "devices": [99, HUGE],
        "statistics": [None, "yes", HUGE, [8]],
        "image_size": [HUGE, 10**7],
        "n_splits": [HUGE],
    }.items():
        for value in values:
            yield jaxsim.compare, ([MODEL], images), {name: value}
    for each in labels:
        yield jaxsim.compare, ([MODEL], images), {"labels": {"class": each}}
    for bad in (None, 1, [], {}, "", [None], {"a": None}, {"a": 1}, object, X, ["no/such/model"]):
        yield jaxsim.compare, (bad, images), {}


def example():
    """A study of two models of two steps, without anything beside the steps."""
    labels = [StepLabel(model, step, depth) for model in ("vit", "resnet") for step, depth in (("a", 0.0), ("b", 1.0))]
    depth = np.array([label.depth for label in labels])
    values = 0.1 + 0.5 * np.abs(depth[:, None] - depth[None])
    return Study.from_results(label_imbalance(values, labels, standard_error=np.full((4, 4), 0.01), n_samples=100))


def studies():
    """Methods of a study."""
    study, file = example(), Path(tempfile.mkdtemp()) / "file"
    file.write_text("in the way")
    for path in (None, file, *NOT_PATHS):
        for method in (study.save, Study.load, study.report):
            yield method, (path,), {}
    yield Study.load, ("no/such",), {}
    for globs in (1, "", [], {}, {"no": "a"}, [1], True, [""], {"vit": 1}, b"a", "no*"):
        yield study.select_steps, (), {"steps": globs}
        yield study.select_steps, (), {"drop_steps": globs}
    yield study.select_steps, (), {"drop_steps": "*"}
    for results in (None, 1, "x", {}, [], xr.Dataset(), study.imbalance, study.results.drop_vars("imbalance"), X):
        yield Study.from_results, (results,), {}
    for seed in (None, *NOT_COUNTS):
        yield Study.from_results, (study.results,), {"seed": seed}
    for which in ("halves", "information", "shuffled", "label_overlap", "untrained"):
        for value in (1, "x", {}, X, xr.Dataset()):
            yield Study.from_results, (study.results,), {which: value}


def figures():
    """Plot functions."""
    study = example()
    for name in set(plot.__all__) - {"Look", "style"}:
        function, further = getattr(plot, name), ("smoothness",) if name in ("findings", "sample_size") else ()
        for bad in (None, 1, "x", {}, X, study.results, Study):
            yield function, (bad, *further), {}
        for k in (0, 2, -1, 1.5, "1", True, [1], X):
            yield function, (study, *further), {"k": k}
        for ax in (1, "x", [1], X):
            yield function, (study, *further), {"ax": ax}
    for model in ("no", 1, True, ["vit"], ""):
        for function in (plot.smoothness, plot.distance, plot.best_match):
            yield function, (study, model), {}
    for source, target in (("no", None), (None, "vit"), ("vit", "no"), (1, 2), (["vit"], "vit")):
        yield plot.imbalance_heatmap, (study, source, target), {}
    for method in ("ward", "", None, 1, ["average"]):
        yield plot.dendrogram, (study,), {"method": method}
    for flag in NOT_FLAGS:
        yield plot.smoothness, (study,), {"fixed_step": flag}
    for look in (
        *({"models": bad} for bad in (1, "", "no", ["vit", 1], {}, X)),
        *({"labels": bad} for bad in (1, "x", {"no": "a"}, {"vit": 1}, {"vit": "resnet"}, X)),
        *({"colors": bad} for bad in (1, "red", {"no": "red"}, {"vit": "no colour"}, {"vit": 1}, ["red"], X)),
        *({"width": bad} for bad in (0, -1, "wide", True, float("nan"), 1e9, [3.3], X)),
        {"colour": "red"},
    ):
        yield plot.smoothness, (study,), look
    for cmap in (1, "no", True, ["red"], X):
        yield plot.imbalance_heatmap, (study,), {"cmap": cmap}


def shown(value):
    """A value on one short line."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:
        text = f"a {type(value).__name__} that cannot be printed"
    return text if len(text) <= 70 else f"{text[:67]}..."


if __name__ == "__main__":
    main(calls())
