"""Write the report of a study: figures as PNG and SVG, and the page."""

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

import xarray as xr
from matplotlib.axes import Axes

from jaxsim.files import OwnedFiles
from jaxsim.names import printable
from jaxsim.report import figures
from jaxsim.report.control import Control, checked_control
from jaxsim.report.descriptions import checked_descriptions, description_jobs
from jaxsim.report.facts import read_facts
from jaxsim.report.figures.canvas import figure_of
from jaxsim.report.figures.matrix import heatmap_title
from jaxsim.report.figures.palette import ModelStyle, model_styles
from jaxsim.report.findings import checked_findings, finding_jobs
from jaxsim.report.further import checked_information, checked_paths, checked_plane, further_jobs
from jaxsim.report.labels import checked_labels, label_jobs
from jaxsim.report.markup import Markup
from jaxsim.report.measures import checked_measures, measure_jobs
from jaxsim.report.names import with_printable_names
from jaxsim.report.page import colour_variables, page
from jaxsim.report.saving import SUFFIXES, inlined, save_figure
from jaxsim.report.schema import checked_between, checked_results, checked_smoothness
from jaxsim.report.steps import read_flags
from jaxsim.report.story import Story

Progress = Callable[[int, int, str], None]
INDEX, FIGURES = "index.html", "figures"
# What the names of figures begin with.
_STEMS = (
    "smoothness|fixed-step|between|best-match|overview|heatmap_.*|paths|tree|plane|labels|sample-size|"
    "information(?:-[0-9]+)?|finding-.*"
)


def write_report(
    results: xr.Dataset,
    smoothness: xr.Dataset,
    between: xr.Dataset | None,
    out: str | os.PathLike[str],
    *,
    information: xr.Dataset | None = None,
    paths: xr.Dataset | None = None,
    plane: xr.Dataset | None = None,
    findings: xr.Dataset | None = None,
    labels: xr.Dataset | None = None,
    control: Control | None = None,
    measures: xr.Dataset | None = None,
    descriptions: xr.Dataset | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write `index.html` and `figures/*.png`, `figures/*.svg` for a study.

    The page needs nothing but itself: style, script and numbers are inside, and it opens from a disk without a
    network. The same datasets give the same files.

    Args:
        results: Results dataset: `imbalance` and `standard_error` with dims `k`, `source`, `target`.
        smoothness: Step changes, their summaries and the fixed-step profile.
        between: Distances between models and best matches; None or without pairs for a single model.
        out: Folder to write into; made if it does not exist. Figures of an earlier report in it are replaced, if they
            are as they were written; any other file stays.
        information: What the steps know of other spaces, such as low-level statistics; None where not measured.
        paths: The steps placed and grouped (`place`, `explained`, `negative`, `linkage`); None leaves that section out.
        plane: Both directions of every pair of steps; shown beside `paths`.
        findings: Effects with intervals and controls; None where no intervals were asked for.
        labels: How often neighbours share a label; None without labels.
        control: The datasets of the same study with random weights; None without that control.
        measures: Measures side by side; None where the study has one measure.
        descriptions: Measures of every step by itself; None where none were asked for.
        progress: Called with figures done, figures in all, and what comes next.

    Returns:
        The path of `index.html`.

    Raises:
        ValueError: A dataset lacks what the report shows, the folder cannot be written, or a file in it would be
            replaced that jaxsim has not written or that was changed since.

    Example:
        >>> import tempfile
        >>> from jaxsim.study.constructed import constructed_study
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_report(*constructed_study(), folder).name
        'index.html'
    """
    results = checked_results(with_printable_names(results))
    smoothness = checked_smoothness(with_printable_names(smoothness))
    between = checked_between(with_printable_names(between))
    information = checked_information(with_printable_names(information))
    paths, plane = checked_paths(with_printable_names(paths)), checked_plane(with_printable_names(plane))
    findings, labels = checked_findings(with_printable_names(findings)), checked_labels(with_printable_names(labels))
    if control is not None:
        parts = {each.name: with_printable_names(getattr(control, each.name)) for each in fields(Control)}
        control = replace(control, **parts)
    control = checked_control(control, results)
    facts, flags = read_facts(results), read_flags(results)
    styles = model_styles(facts.families)
    beside = {} if control is None else control.own
    jobs = _jobs(results, smoothness, between, styles, facts.k, beside)
    further = beside.get("information")
    jobs += further_jobs(information, paths, plane, styles, facts.k, control=further, flags=flags)
    jobs += label_jobs(labels, styles, facts.k, beside.get("labels")) + finding_jobs(findings, facts.k, styles)
    measures = checked_measures(with_printable_names(measures))
    descriptions = checked_descriptions(with_printable_names(descriptions))
    jobs += measure_jobs(measures, facts.k)
    jobs += description_jobs(descriptions, styles, facts.k, beside.get("descriptions"))
    drawn = [f"{FIGURES}/{name}_k{k}" for name, k, _, _ in jobs]
    folder = Path(out)
    files = _prepared(folder, [INDEX, *(f"{name}.{suffix}" for name in drawn for suffix in SUFFIXES)])
    plots: dict[tuple[str, int], Markup] = {}
    for done, (name, k, described, draw) in enumerate(jobs):
        if progress is not None:
            progress(done, len(jobs), name)
        with _writable(folder):
            svg = save_figure(figure_of(draw()), files, drawn[done])
        if described:
            plots[name, k] = inlined(svg, name=f"{name}-{k}", description=described, colours=colour_variables(styles))
    if progress is not None:
        progress(len(jobs), len(jobs), INDEX)

    colours = _css_colours(styles)
    story = Story(
        results,
        smoothness,
        between,
        facts,
        plots,
        colours,
        information=information,
        paths=paths,
        plane=plane,
        findings=findings,
        labels=labels,
        control=control,
        flags=flags,
        measures=measures,
        descriptions=descriptions,
    )
    with _writable(folder):
        files.write(INDEX, printable(page(story, styles), keep="\n\t").encode("utf-8"))
        # Figures of an earlier report that this one has not got.
        files.remove(
            [name for name in files if name.startswith(f"{FIGURES}/") and name.rpartition(".")[0] not in drawn]
        )
    return folder / INDEX


def is_figure(name: str, ks: Iterable[int]) -> bool:
    """Returns whether the report of a study may draw a figure of that name.

    Args:
        name: Of a file in the folder of figures.
        ks: Numbers of neighbours of the study.

    Example:
        >>> is_figure("overview_k1.png", [1, 10]), is_figure("overview_k2.png", [1, 10]), is_figure("me.png", [1])
        (True, False, False)
    """
    found = re.fullmatch(rf"(?:{_STEMS})_k([0-9]+)\.(?:{'|'.join(SUFFIXES)})", name)
    return found is not None and found[1] in {str(k) for k in ks}


def _css_colours(styles: dict[str, ModelStyle]) -> dict[str, str]:
    variables = colour_variables(styles)
    return {name: f"var({variables[style.colour]})" for name, style in styles.items()}


Job = tuple[str, int, str, Callable[[], Axes]]


def _jobs(
    results: xr.Dataset,
    smoothness: xr.Dataset,
    between: xr.Dataset | None,
    styles: dict[str, ModelStyle],
    ks: tuple[int, ...],
    control: Mapping[str, xr.Dataset | None],
) -> list[Job]:
    """Every figure to write: file name, k, description for the page (empty: not on it), how to draw it."""
    names = list(styles)
    jobs: list[Job] = []
    for k in ks:
        jobs.append(
            (
                "smoothness",
                k,
                f"Line charts, one per model: change between consecutive steps against relative depth, k = {k}.",
                lambda k=k: figures.smoothness_profiles(smoothness, k=k, styles=styles)[0],
            )
        )
        jobs.append(
            (
                "fixed-step",
                k,
                f"Line chart: change over equal stretches of relative depth, a line per model, k = {k}.",
                lambda k=k: figures.fixed_step_profile(
                    smoothness, k=k, styles=styles, control=control.get("smoothness")
                ),
            )
        )
        if between is not None:
            jobs.append(
                (
                    "between",
                    k,
                    f"Line charts: distance between models against relative depth, peaks ringed, k = {k}.",
                    lambda k=k: figures.between_model_distances(
                        between, k=k, styles=styles, control=control.get("between")
                    )[0],
                )
            )
            if between.sizes.get("match", 0):
                jobs.append(
                    (
                        "best-match",
                        k,
                        f"Line charts: relative depth of the closest step in another model, k = {k}.",
                        lambda k=k: figures.best_matches(between, k=k, styles=styles)[0],
                    )
                )
        jobs.append(("overview", k, "", lambda k=k: figures.overview(results, k=k)))
        for a, source in enumerate(names):
            for b, target in enumerate(names):
                name = f"heatmap_{a:02d}-{b:02d}_{_in_file_name(source)}_to_{_in_file_name(target)}"
                jobs.append((name, k, "", lambda k=k, a=source, b=target: _titled_heatmap(results, a, b, k)))
    return jobs


def _titled_heatmap(results: xr.Dataset, source: str, target: str, k: int) -> Axes:
    ax = figures.heatmap(results, source, target, k=k)
    heatmap_title(ax, source, target, k)
    return ax


def _in_file_name(name: str) -> str:
    """Letters, digits, dots and hyphens of a name, at most 40 of them."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.")[:40] or "model"


def _prepared(folder: Path, names: list[str]) -> OwnedFiles:
    """The files of the folder, which is made, and in which all of these may be written."""
    with _writable(folder):
        (folder / FIGURES).mkdir(parents=True, exist_ok=True)
        files = OwnedFiles(folder)
        files.check(names)
        # Permissions tell less than an attempt: read-only mounts, quotas, network shares.
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")
    return files


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    """Says which folder cannot be written."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"Expected a folder to write the report into, but {str(folder)!r} cannot be written ({error}). "
            "Choose another folder, make room, or change its permissions."
        ) from error
