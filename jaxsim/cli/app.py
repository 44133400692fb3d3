"""The commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jaxsim.arguments import shown, whole_number
from jaxsim.cli.compilation_cache import enable_compilation_cache
from jaxsim.cli.outcome import readable_outcome

app = typer.Typer(
    name="jaxsim",
    help="Do two vision models get to their representations by the same steps?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

DEMO_MODELS = tuple(
    f"embedded:{family}_{objective}_0" for family in ("cnn", "vit") for objective in ("classifier", "selfsup")
)
DEMO_IMAGES = "rendered:1000"

Traceback = Annotated[
    bool, typer.Option("--traceback", envvar="JAXSIM_TRACEBACK", help="Show where an error comes from.")
]


def _folder(text: str | Path) -> Path:
    """A folder from an option; `Path` would take "" for the current folder."""
    if not str(text):
        raise typer.BadParameter('expected the path of a folder, got nothing; write "." for the current folder')
    return Path(text)


def _print_version(asked: bool | None) -> None:
    if asked:
        from jaxsim.study import package_versions

        typer.echo(package_versions()["jaxsim-metrics"])
        raise typer.Exit


@app.callback()
def jaxsim(
    version: Annotated[
        bool | None,  # typer gives None to a flag that has a callback
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop."),
    ] = None,
) -> None:
    """Do two vision models get to their representations by the same steps?"""


@app.command()
def compare(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL...", help="Checkpoint directories, hub ids, or folders and files of features."),
    ],
    out: Annotated[Path, typer.Option(parser=_folder, help="Folder for features, results and report.")],
    images: Annotated[
        str | None, typer.Option(help='A folder of images, an .npz or .npy file, "digits" or "rendered:N" (embedded).')
    ] = None,
    samples: Annotated[int | None, typer.Option(help="Size of a random subset of the images [default: all].")] = None,
    queries: Annotated[int | None, typer.Option(help="Number of query rows, for less work [default: all].")] = None,
    k: Annotated[str, typer.Option(help='Numbers of neighbours, such as "1" or "1,10".')] = "1",
    pool: Annotated[str, typer.Option(help="mean, cls, flatten or spatial:P.")] = "mean",
    metric: Annotated[str, typer.Option(help="euclidean, cosine or correlation.")] = "euclidean",
    ties: Annotated[
        str, typer.Option(help="Equally near neighbours: index (in order) or expected (mean over random orders).")
    ] = "index",
    granularity: Annotated[str, typer.Option(help="block, or hf for Hugging Face's hidden states.")] = "block",
    batch_size: Annotated[int, typer.Option(help="Images per forward pass.")] = 32,
    image_size: Annotated[
        str | None, typer.Option(help='What the models see, "224" or "224x160" [default: their own].')
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the subset, the queries and the permutations.")] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="A damaged image is an error.")] = False,
    precision: Annotated[str, typer.Option(help="Of the distances: highest, float64, high or fast.")] = "highest",
    plan: Annotated[str | None, typer.Option(help="Force one-pass or two-pass [default: the budget decides].")] = None,
    devices: Annotated[int | None, typer.Option(help="Number of devices that share the samples.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Recheck some rows in float64.")] = False,
    clip: Annotated[
        str | None, typer.Option(help='Clip every image\'s features to two of their quantiles, such as "0.05,0.95".')
    ] = None,
    drop_duplicates: Annotated[
        bool, typer.Option("--drop-duplicates", help="Of images equal in every step keep the first.")
    ] = False,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="Also measure what steps know of the images' low-level statistics.")
    ] = False,
    subsets: Annotated[int | None, typer.Option(hidden=True, help="Deprecated: 0 is --splits 0.")] = None,
    splits: Annotated[
        int | None,
        typer.Option(help="Number of splits into halves for intervals, 0 for none [default: 8 where halves fit]."),
    ] = None,
    steps: Annotated[
        list[str] | None,
        typer.Option(help='Steps to measure: a name or glob, "block*" or "MODEL/block*"; may be given several times.'),
    ] = None,
    drop_steps: Annotated[
        list[str] | None, typer.Option("--drop-steps", help="Steps to leave out; may be given several times.")
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="Categories of the images (csv, txt, json, npy): one in a line, or id,label; may come several times.",
        ),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(help="Images that belong together: a file like that of labels, or near_duplicates to find them."),
    ] = None,
    measures: Annotated[
        str | None,
        typer.Option(help='Measures to set beside the information imbalance, such as "cka,mutual_knn"; see metrics.'),
    ] = None,
    describe: Annotated[
        str | None,
        typer.Option(help='Measures of every step by itself, such as "intrinsic_dimension"; see metrics.'),
    ] = None,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Also measure the same architectures with random weights, as a control.")
    ] = False,
    intersect: Annotated[
        bool, typer.Option("--intersect", help="Measure the samples that all features have, told by their ids.")
    ] = False,
    verify_images: Annotated[
        bool, typer.Option("--verify-images", help="Hash all image files again, even those whose size and time fit.")
    ] = False,
    distributed: Annotated[
        bool, typer.Option("--distributed", help="Join the other hosts; start the same command on each.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Use nothing that is in the folder already.")] = False,
    traceback: Traceback = False,
) -> None:
    """Compare the processing steps of models on the same images.

    Prints a plan, works, prints a summary, and last the path of the report. A second run into the same folder
    uses what is there, a killed one goes on.
    """
    kept = (
        "this run used --overwrite; without it the same command would reuse what is finished"
        if overwrite
        else f"finished features are kept in {out}; the same command continues from there"
    )
    with readable_outcome(show_traceback=traceback, when_interrupted=kept):
        enable_compilation_cache()
        if distributed:
            from jaxsim.cli.hosts import join_hosts

            join_hosts()
        from jaxsim.cli.label_files import read_group_file, read_label_files
        from jaxsim.cli.run import run_comparison
        from jaxsim.study import checked_settings
        from jaxsim.study.run.compare import splits_of_subsets

        settings = checked_settings(
            k=_numbers("--k", k),
            n_samples=samples,
            n_queries=queries,
            pool=pool,
            metric=metric,
            granularity=granularity,
            batch_size=batch_size,
            image_size=_image_size(image_size),
            seed=seed,
            strict=strict,
            overwrite=overwrite,
            precision=precision,
            plan=plan,
            devices=devices,
            verify=verify,
            clip=None if clip is None else clip.split(","),
            drop_duplicates=drop_duplicates,
            statistics=statistics,
            n_splits=splits_of_subsets(subsets, splits),
            ties=ties,
            steps=steps or None,
            drop_steps=drop_steps or None,
            verify_images=verify_images,
            intersect=intersect,
            measures=_names("--measures", measures),
            describe=_names("--describe", describe),
        )
        run_comparison(
            models,
            images,
            settings=settings,
            out=out,
            untrained=untrained,
            labels=read_label_files(labels) if labels else None,
            groups=None if groups is None else read_group_file(groups),
        )


@app.command()
def demo(
    out: Annotated[Path, typer.Option(parser=_folder, help="Folder for features, results and report.")] = Path(
        "jaxsim-demo"
    ),
    traceback: Traceback = False,
) -> None:
    """Compare four small trained models with their untrained controls on rendered images; needs no network."""
    kept = f"finished features are kept in {out}; the same command continues from there"
    with readable_outcome(show_traceback=traceback, when_interrupted=kept):
        enable_compilation_cache()
        from jaxsim.cli.run import run_comparison
        from jaxsim.study import checked_settings

        settings = checked_settings(k=1, batch_size=200, statistics=True)
        run_comparison(DEMO_MODELS, DEMO_IMAGES, settings=settings, out=out, untrained=True)


@app.command()
def models(traceback: Traceback = False) -> None:
    """List what can be loaded."""
    with readable_outcome(show_traceback=traceback):
        from jaxsim.cli.about import print_models

        print_models()


@app.command()
def metrics(traceback: Traceback = False) -> None:
    """List all measures and what they declare."""
    with readable_outcome(show_traceback=traceback):
        from jaxsim.cli.about import print_measures

        print_measures()


@app.command()
def info(traceback: Traceback = False) -> None:
    """Show versions and devices."""
    with readable_outcome(show_traceback=traceback):
        from jaxsim.cli.about import print_info

        print_info()


def _numbers(option: str, text: str) -> tuple[int, ...]:
    """Integers from "1,10"."""
    numbers = [whole_number(part.strip()) for part in text.split(",")]
    if None in numbers:
        raise ValueError(f"expected {option} as integers separated by commas, such as 1,10; got {shown(text)}")
    return tuple(number for number in numbers if number is not None)


def _names(option: str, text: str | None) -> tuple[str, ...]:
    """Names from "cka,mutual_knn"."""
    if text is None:
        return ()
    names = tuple(part.strip() for part in text.split(","))
    if not all(names):
        raise ValueError(f"expected {option} as names separated by commas, such as cka,mutual_knn; got {text!r}")
    return names


def _image_size(text: str | None) -> tuple[int, int] | int | None:
    """Edge or (height, width) from "224" or "224x160"."""
    if text is None:
        return None
    sizes = [whole_number(part.strip()) or 0 for part in text.lower().split("x")]
    if len(sizes) not in (1, 2) or min(sizes) < 1:
        raise ValueError(f"expected --image-size as 224 or as height x width, 224x160; got {shown(text)}")
    return sizes[0] if len(sizes) == 1 else (sizes[0], sizes[1])
