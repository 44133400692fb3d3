"""What each measure says of models whose relation is known: an offline suite after ReSi (Klabunde et al., ICLR 2025).

The project ships two networks of each of two architectures and two recipes of training, from different seeds. A good
measure

- `layers`: calls steps that are nearer in depth more alike, within a model;
- `recipe`: calls two models of one recipe more alike than two of different recipes, of whatever architecture;
- `noise`, `crops`: calls a model's own representation of changed pictures less like itself, the more they are changed;
- `pairing`: calls a representation less like itself, the more samples are paired with another sample.

The first and the last three are shares of comparisons in the right order (chance 0.5), the second is the area under the
curve of precision and recall (AUPRC) of finding the 12 pairs of one recipe among 28, at every depth. ReSi trains models
with random labels and with augmentations; here pictures and pairs are changed instead, for the shipped models are what
they are. Strengths lie close together and every strength has noise of its own, so that order is not for free.
"""

import argparse
import warnings
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import records
from benchmarks.arguments import Write, positive

ARCHITECTURES = ("vit", "cnn")
RECIPES = ("classifier", "selfsup")
SEEDS = (0, 1)
TESTS = ("layers", "recipe", "noise", "crops", "pairing")
NOISE = (8.0, 8.5, 9.0, 9.5)
"""Standard deviations of the noise, in grey levels of 255."""
CROPS = (2.0, 2.2, 2.4, 2.6)
"""Pixels of 32 that are cut off of either extent before the picture is enlarged again."""
SHUFFLED = (0.10, 0.11, 0.12, 0.13)
"""Parts of the samples that are paired with another one."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    parser.add_argument("--seed", type=int, default=0, help="of the noise and of the shuffled pairs (default 0)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="result file (default benchmarks/results/judging.jsonl)"
    )
    parser.add_argument("--samples", type=positive, default=400, help="rendered pictures (default 400)")
    parser.add_argument("--k", type=positive, default=10, help="neighbours (default 10)")
    parser.add_argument("--measures", default="all", help="names, separated by commas (default all)")
    parser.add_argument("--pool", default="mean", help="pooling of the steps (default mean)")


def run(options: argparse.Namespace, write: Write) -> None:
    """One record for each measure."""
    from jaxsim.metrics.registry import find_measures, pair_measures

    asked = tuple(pair_measures()) if options.measures == "all" else tuple(options.measures.split(","))
    states = features(options.samples, options.pool, options.seed)
    able = []
    for each in find_measures(asked):
        key = {"measure": each.name, "n_samples": options.samples, "pool": options.pool, "seed": options.seed}
        try:
            likeness([each], [own["steps"][-1] for own in states.values()], options.k)
        except ValueError as error:
            write(records.record("judging", key, absent=str(error)))
        else:
            able.append((each, {**key, "k": options.k if each.uses_k else None}))
    scores = judged([each for each, _ in able], states, options.k, options.seed)
    for each, key in able:
        write(records.record("judging", key, found=scores[each.name]))


def features(n_samples: int, pool: str = "mean", seed: int = 0) -> dict[str, dict[str, list[np.ndarray]]]:
    """What the shipped models make of rendered pictures, as they are and changed.

    Args:
        n_samples: Number of pictures.
        pool: Of the steps.
        seed: Of the noise.

    Returns:
        For each model `steps`, all in order of depth, and `noise` and `crops`, its last step for every strength.
    """
    import jaxsim
    from jaxsim.data import ArraySource
    from jaxsim.features import extract

    source = jaxsim.open_images(f"rendered:{n_samples}")
    pictures = np.stack([source.load(i) for i in range(n_samples)])
    changed = {
        "noise": [ArraySource(noisy(pictures, strength, (seed, i))) for i, strength in enumerate(NOISE)],
        "crops": [ArraySource(cropped(pictures, cut, (seed, i))) for i, cut in enumerate(CROPS)],
    }
    found = {}
    for name in model_names():
        model: Any = jaxsim.load_model(f"embedded:{name}")
        steps = [np.asarray(step) for step in extract(model, ArraySource(pictures), pool=pool).values()]
        found[name] = {"steps": steps} | {
            kind: [np.asarray([*extract(model, each, pool=pool).values()][-1]) for each in sources]
            for kind, sources in changed.items()
        }
    return found


def judged(
    measures: Sequence[Any], states: dict[str, dict[str, list[np.ndarray]]], k: int = 10, seed: int = 0
) -> dict[str, dict[str, float]]:
    """How measures do in each test.

    Args:
        measures: Declarations of measures of two layers.
        states: As `features` returns them.
        k: Number of neighbours.
        seed: Of the pairs that are shuffled.

    Returns:
        For each measure its score in each of `TESTS`, from 0 to 1.
    """
    scores: dict[str, dict[str, list[float]]] = {each.name: {test: [] for test in TESTS} for each in measures}
    rng = np.random.default_rng(seed)
    for own in states.values():
        steps = own["steps"]
        series = {"noise": own["noise"], "crops": own["crops"], "pairing": [*repaired(steps[-1], rng)]}
        found = likeness(measures, [*steps, *(layer for layers in series.values() for layer in layers)], k)
        for name, alike in found.items():
            scores[name]["layers"].append(in_order(alike[: len(steps), : len(steps)]))
            first = len(steps)
            for test, layers in series.items():
                scores[name][test].append(falling(alike[len(steps) - 1, first : first + len(layers)]))
                first += len(layers)
    same = np.array([a.split("_")[1] == b.split("_")[1] for a, b in combinations(states, 2)])
    for steps in zip(*(own["steps"] for own in states.values()), strict=True):
        for name, alike in likeness(measures, steps, k).items():
            scores[name]["recipe"].append(average_precision(alike[np.triu_indices(len(states), 1)], same))
    return {name: {test: round(float(np.mean(each)), 4) for test, each in own.items()} for name, own in scores.items()}


def likeness(measures: Sequence[Any], layers: Sequence[np.ndarray], k: int) -> dict[str, np.ndarray]:
    """Measures of all pairs, larger for the more alike, the mean of both directions where a measure has two."""
    import jaxsim

    with warnings.catch_warnings():
        # Ties of the first steps: ReSi takes representations as they are.
        warnings.simplefilter("ignore")
        found = jaxsim.measure(list(layers), tuple(each.name for each in measures), k=k)
    signs = {each.name: 1 if each.orientation == "similarity" else -1 for each in measures}
    values = {name: found[name].values.reshape(-1, len(layers), len(layers))[-1] for name in signs}
    return {name: sign * (values[name] + values[name].T) / 2 for name, sign in signs.items()}


def in_order(alike: np.ndarray) -> float:
    """Of all steps a < b < c, the share where b is more like a than c is, and more like c than a is.

    Example:
        >>> in_order(-np.abs(np.arange(4.0)[:, None] - np.arange(4.0)))
        1.0
    """
    right = []
    for a, b, c in combinations(range(len(alike)), 3):
        right += [_before(alike[a, b], alike[a, c]), _before(alike[b, c], alike[a, c])]
    return float(np.mean(right))


def falling(alike: np.ndarray) -> float:
    """The share of all pairs of strengths where the weaker change leaves more of the likeness.

    Example:
        >>> falling(np.array([0.9, 0.8, 0.85, 0.1])), falling(np.array([0.5, 0.5]))
        (0.8333333333333334, 0.5)
    """
    return float(np.mean([_before(alike[a], alike[b]) for a, b in combinations(range(len(alike)), 2)]))


def average_precision(alike: np.ndarray, same: np.ndarray) -> float:
    """Area under the curve of precision and recall, the mean over all orders of what is equally alike.

    Example:
        >>> average_precision(np.array([0.9, 0.5, 0.1]), np.array([True, False, True]))
        0.8333333333333333
    """
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(same, alike))


def noisy(pictures: np.ndarray, strength: float, seed: Any = 0) -> np.ndarray:
    """Pictures with noise on every value.

    Example:
        >>> noisy(np.zeros((1, 2, 2, 3), np.uint8), 4).dtype
        dtype('uint8')
    """
    noise = np.random.default_rng(seed).normal(0, strength, pictures.shape)
    return np.clip(np.rint(pictures + noise), 0, 255).astype(np.uint8)


def cropped(pictures: np.ndarray, cut: float, seed: Any = 0) -> np.ndarray:
    """Pictures without some pixels at their sides, other ones in each, enlarged to the size they had.

    Example:
        >>> cropped(np.zeros((2, 32, 32, 3), np.uint8), 2.5).shape
        (2, 32, 32, 3)
    """
    from PIL import Image

    height, width = pictures.shape[1:3]
    found = []
    for each, (left, top) in zip(
        pictures, np.random.default_rng(seed).uniform(0, cut, (len(pictures), 2)), strict=True
    ):
        box = (left, top, width - cut + left, height - cut + top)
        found.append(np.asarray(Image.fromarray(each).resize((width, height), box=box)))
    return np.stack(found)


def repaired(layer: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """A layer whose rows stand in part at other samples, for every part of `SHUFFLED`."""
    for part in SHUFFLED:
        moved = rng.permutation(len(layer))[: max(2, round(part * len(layer)))]
        found = layer.copy()
        found[moved] = layer[np.roll(moved, 1)]
        yield found


def model_names() -> list[str]:
    """The models of the suite.

    Example:
        >>> model_names()[:3]
        ['vit_classifier_0', 'vit_classifier_1', 'vit_selfsup_0']
    """
    return [f"{one}_{recipe}_{seed}" for one in ARCHITECTURES for recipe in RECIPES for seed in SEEDS]


def _before(more: float, less: float) -> float:
    return 0.5 if more == less else float(more > less)
