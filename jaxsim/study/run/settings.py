"""The settings of a comparison: each declared once, with its check, before any work is done.

Nothing heavy is imported before values are checked, so that `jaxsim --help` answers at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

from jaxsim.arguments import check_choice, check_flag, neighbour_counts
from jaxsim.study.globs import Globs, checked_globs
from jaxsim.study.run.option_checks import (
    check_clip,
    check_optional_count,
    check_required_count,
    check_splits,
    check_statistics_size,
    check_verify,
    checked_pool,
    checked_size,
)
from jaxsim.study.run.options import option, options_of

if TYPE_CHECKING:
    from jaxsim.metrics import LayerMeasure, Measure

Metric = Literal["euclidean", "cosine", "correlation"]
Ties = Literal["index", "expected"]
Granularity = Literal["block", "hf"]
ModelDtype = Literal["float32", "bfloat16"]
Precision = Literal["float64", "highest", "high", "fast"]
Passes = Literal["one-pass", "two-pass"]
Size = tuple[int, int] | int


def _one_of(choices: Any) -> Any:
    return partial(_checked_choice, choices=get_args(choices))


def _checked_choice(name: str, value: Any, *, choices: tuple[str, ...]) -> str:
    return check_choice(name, value, choices)


def _checked_ks(_: str, value: Any) -> tuple[int, ...]:
    return tuple(sorted(neighbour_counts(value)))


@dataclass(frozen=True)
class Settings:
    """How models are compared; `compare` says what each field means, in the words that stand here."""

    n_samples: int | None = option(
        None,
        "Size of a random subset of the images, drawn once for all models; None takes all.",
        kind="count",
        flag="--samples",
        short="Size of a random subset of the images [default: all].",
        check=partial(check_optional_count, least=1),
    )
    pool: str | dict[str, str] = option(
        "mean",
        'How a step becomes one vector per image: "mean", "cls", "max", "flatten", "spatial:P", "last:N" or '
        '"project:D", see `pool_state`; several with commas make a step "block:cls" and so on of each. Or a mapping '
        "from names of models to these, of which models that it leaves out take the mean.",
        kind="text by model",
        short="mean, cls, max, flatten, spatial:P, last:N, project:D, or several, mean,cls; MODEL=cls for one model, "
        "may come several times.",
        check=checked_pool,
    )
    k: tuple[int, ...] = option(
        (1,),
        "Number of neighbours, or several, all in one pass.",
        kind="counts",
        short='Numbers of neighbours, such as "1" or "1,10".',
        check=_checked_ks,
    )
    metric: Metric = option(
        "euclidean", '"euclidean", "cosine" or "correlation".', kind="text",
        short="euclidean, cosine or correlation.", check=_one_of(Metric),
    )  # fmt: skip
    n_queries: int | None = option(
        None,
        "Number of query rows, for less work and a known standard error; None takes all.",
        kind="count",
        flag="--queries",
        short="Number of query rows, for less work [default: all].",
        check=partial(check_optional_count, least=2),
    )
    ties: Ties = option(
        "index",
        '"index" or "expected", see `imbalance_matrix`.',
        kind="text",
        short="Equally near neighbours: index (in order) or expected (mean over random orders).",
        check=_one_of(Ties),
    )
    seed: int = option(
        0,
        "Seed of the subset, the queries and the permutation null.",
        kind="count",
        short="Of the subset, the queries and the permutations.",
        check=partial(check_required_count, least=0),
    )
    granularity: Granularity = option(
        "block",
        '"block" or "hf", of the models loaded here.',
        kind="text",
        short="block, or hf for Hugging Face's hidden states.",
        check=_one_of(Granularity),
    )
    dtype: ModelDtype = option(
        "float32",
        '"float32" or "bfloat16": what the models loaded here compute in. bfloat16 is faster where a device has it; '
        "Delta of the embedded models then changes by up to 0.001.",
        kind="text",
        short="float32, or bfloat16 for faster models (Delta changes by about 0.001).",
        check=_one_of(ModelDtype),
    )
    batch_size: int = option(32, "Images per forward pass.", kind="count", check=partial(check_required_count, least=1))
    strict: bool = option(
        False,
        "Damaged images are an error instead of being left out for all models and listed in the results.",
        kind="flag", short="A damaged image is an error.", check=check_flag,
    )  # fmt: skip
    image_size: Size | dict[str, Size] | None = option(
        None,
        "Edge, or (height, width), of what the models loaded here see, instead of the checkpoints' own; or a mapping "
        "from names of models to these.",
        kind="size by model",
        short='What the models see, "224" or "224x160" [default: their own]; MODEL=224 for one model.',
        check=checked_size,
    )
    overwrite: bool = option(
        False,
        "Replace features in `out` that were made otherwise, and use nothing that is there.",
        kind="flag",
        short="Use nothing that is in the folder already.",
        check=check_flag,
    )
    precision: Precision = option(
        "highest",
        'Of the distances: "highest" (float32; float64 for up to 1024 samples), "float64", "high" or "fast", see '
        "`imbalance_matrix`.",
        kind="text",
        short="Of the distances: highest, float64, high or fast.",
        check=_one_of(Precision),
    )
    plan: Passes | None = option(
        None,
        'Force "one-pass" or "two-pass".',
        kind="text",
        short="Force one-pass or two-pass [default: the budget decides].",
        check=_one_of(Passes),
    )
    devices: int | None = option(
        None,
        "Number of devices that share the samples; None takes the default device, or all devices of all processes when "
        "several run together.",
        kind="count",
        check=partial(check_optional_count, least=1),
        short="Number of devices that share the samples.",
    )
    verify: bool | int = option(
        False,
        "Recheck some rows in float64 and record the largest deviation.",
        kind="flag",
        short="Recheck some rows in float64.",
        check=check_verify,
    )
    clip: tuple[float, float] | None = option(
        None,
        "Two quantiles such as (0.05, 0.95): clip every sample's features to their own quantiles, in every step.",
        kind="quantiles",
        short='Clip every sample\'s features to two of their quantiles, such as "0.05,0.95".',
        check=check_clip,
    )
    drop_duplicates: bool = option(
        False,
        "Of samples that are equal in every step of every model keep the first; the others are listed in the results.",
        kind="flag",
        short="Of samples equal in every step keep the first.",
        check=check_flag,
    )
    statistics: bool | int | tuple[int, int] = option(
        False,
        "Measure what each step knows of the images' low-level statistics (luminance, colour, frequency, orientation, "
        "layout, all together), too: `Study.information`. They are computed from the images as decoded, brought to one "
        "size whatever the models see: the short edge is resized (bicubic, antialiased) and the middle cut out. True "
        "takes the images' own short edge, at most 224 pixels; an edge or (height, width) states it. `out` keeps the "
        "statistics with their sample ids, so a later run into it needs no images for them, and the untrained control "
        "is measured against the same numbers.",
        kind="flag",
        short="Also measure what steps know of the images' low-level statistics.",
        check=check_statistics_size,
    )
    n_splits: int | None = option(
        None,
        "Number of balanced splits of the samples into two halves, 2 to 15, that intervals and tests rest on: "
        "`Study.findings`. None takes eight where a half holds at least 32 samples, 0 takes none.",
        kind="count",
        flag="--splits",
        short="Number of splits into halves for intervals, 0 for none [default: 8 where halves fit].",
        check=check_splits,
    )
    steps: Globs | None = option(
        None,
        'The steps to measure: a name or a glob such as "block*", or several, each of which stands for "step" of every '
        'model and for "model/step"; or a mapping from names of models to such. None takes all. Features of all steps '
        "are kept.",
        kind="globs",
        short='Steps to measure: a name or glob, "block*" or "MODEL/block*"; may be given several times.',
        check=checked_globs,
    )
    drop_steps: Globs | None = option(
        None,
        "Of these, steps to leave out, in the same way.",
        kind="globs",
        short="Steps to leave out; may be given several times.",
        check=checked_globs,
    )
    intersect: bool = option(
        False,
        "Leave out, for all, samples that some features lack, told by their ids; otherwise such sets are refused.",
        kind="flag",
        short="Measure the samples that all features have, told by their ids.",
        check=check_flag,
    )
    verify_images: bool = option(
        False,
        "Read and hash all image files again, even those whose size and time are as an earlier run into `out` has "
        "noted them.",
        kind="flag",
        short="Hash all image files again, even those whose size and time fit.",
        check=check_flag,
    )
    measures: tuple[Measure, ...] = option(
        (),
        'Further measures to set beside the information imbalance, such as ("cka", "mutual_knn"): names, as `jaxsim '
        "metrics` lists them, or `Measure` objects. `Study.by_measure` holds the same study by each of them, "
        "`Study.measures` compares them.",
        kind="names",
        short='Measures to set beside the information imbalance, such as "cka,mutual_knn"; see metrics.',
    )
    describe: tuple[LayerMeasure, ...] = option(
        (),
        'Measures of every step by itself, such as ("intrinsic_dimension",): `Study.descriptions`.',
        kind="names",
        short='Measures of every step by itself, such as "intrinsic_dimension"; see metrics.',
    )

    def pool_of(self, model: str) -> str:
        """How steps of a model become vectors.

        Example:
            >>> Settings(pool={"vit": "cls"}).pool_of("vit"), Settings(pool={"vit": "cls"}).pool_of("cnn")
            ('cls', 'mean')
        """
        if isinstance(self.pool, str):
            return self.pool
        return self.pool.get(model, self.pool.get("*", "mean"))

    def image_size_of(self, model: str | None) -> Size | None:
        """What a model sees; None for its own size."""
        size = self.image_size
        return size.get(model or "", size.get("*")) if isinstance(size, dict) else size


#: Every setting by name.
SETTINGS = options_of(Settings)


def checked_settings(**given: Any) -> Settings:
    """Settings whose values are possible on their own, and with each other.

    Integers may be Python's or NumPy's; True and False are no integers here.

    Args:
        **given: Fields of `Settings`; those left out are as declared.

    Returns:
        The settings, with `k` as a tuple in increasing order.

    Raises:
        ValueError: If a value is out of range or not among the choices.

    Example:
        >>> checked_settings(k=[10, 1]).k
        (1, 10)
        >>> checked_settings(k=0)
        Traceback (most recent call last):
        ...
        ValueError: expected every k to be an integer of at least 1, got 0; k=1 is the nearest neighbour alone
    """
    fields = {name: each.checked(given.get(name, each.default)) for name, each in SETTINGS.items()}
    from jaxsim.study.run.measures import checked_measures

    return Settings(**(fields | checked_measures(fields["k"], fields)))
