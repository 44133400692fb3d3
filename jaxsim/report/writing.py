"""Writes the report of a study: one page with its figures, tables and numbers inside."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

import xarray as xr

from jaxsim.files import OwnedFiles
from jaxsim.names import printable
from jaxsim.report.control import Control, checked_control
from jaxsim.report.facts import read_facts
from jaxsim.report.measured_by import measured_by
from jaxsim.report.names import with_printable_names
from jaxsim.report.optional import (
    DESCRIPTION_VARIABLES,
    MEASURE_VARIABLES,
    PATH_VARIABLES,
    PLANE_VARIABLES,
    VERDICT_VARIABLES,
    checked_findings,
    checked_information,
    checked_labels,
)
from jaxsim.report.page import colour_variables, page
from jaxsim.report.palette import model_styles
from jaxsim.report.schema import checked_between, checked_dataset, checked_results, checked_smoothness
from jaxsim.report.steps import read_flags
from jaxsim.report.story import Story

INDEX = "index.html"
#: The configuration that made the study, where its command wrote one beside it.
CONFIG = "jaxsim.toml"
#: Where earlier reports drew their figures into files.
FIGURES = "figures"


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
    verdicts: xr.Dataset | None = None,
) -> Path:
    """Writes `index.html` for a study.

    The page needs nothing but itself: style, script and numbers are inside, it opens from a disk without a network,
    and it makes the files of its figures (SVG, PNG, PDF, CSV) when they are asked for. The same datasets give the same
    page.

    Args:
        results: Results dataset: `imbalance` and `standard_error` with dims `k`, `source`, `target`.
        smoothness: Step changes, their summaries and the fixed-step profile.
        between: Distances between models and best matches; None or without pairs for a single model.
        out: Folder to write into; made if it does not exist. Figures that an earlier report wrote there are removed, if
            they are as they were written; any other file stays.
        information: What the steps know of other spaces, such as low-level statistics; None where not measured.
        paths: The steps placed and grouped (`place`, `explained`, `negative`, `linkage`); None leaves that section out.
        plane: Both directions of every pair of steps; shown beside `paths`.
        findings: Effects with intervals and controls; None where no intervals were asked for.
        labels: How often neighbours share a label; None without labels.
        control: The datasets of the same study with random weights; None without that control.
        measures: Measures side by side; None where the study has one measure.
        descriptions: Measures of every step by itself; None where none were asked for.
        verdicts: The claims of the study with their answers; None leaves the answers out.

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
    if control is not None:
        parts = {each.name: with_printable_names(getattr(control, each.name)) for each in fields(Control)}
        control = replace(control, **parts)
    folder = Path(out)
    files = _prepared(folder)
    facts = read_facts(results)
    styles = model_styles(facts.families)
    story = Story(
        results,
        checked_smoothness(with_printable_names(smoothness)),
        checked_between(with_printable_names(between)),
        facts,
        {name: f"var({variable})" for name, variable in colour_variables(styles).items()},
        measured_by(results),
        information=checked_information(with_printable_names(information)),
        paths=checked_dataset(with_printable_names(paths), "paths", PATH_VARIABLES),
        plane=checked_dataset(with_printable_names(plane), "plane", PLANE_VARIABLES),
        findings=checked_findings(with_printable_names(findings)),
        labels=checked_labels(with_printable_names(labels)),
        control=checked_control(control, results),
        measures=checked_dataset(with_printable_names(measures), "measures", MEASURE_VARIABLES),
        descriptions=checked_dataset(with_printable_names(descriptions), "descriptions", DESCRIPTION_VARIABLES),
        verdicts=checked_dataset(with_printable_names(verdicts), "verdicts", VERDICT_VARIABLES),
        flags=read_flags(results),
        config=(folder / CONFIG).read_text(encoding="utf-8") if files.owns(CONFIG) else "",
    )
    text = printable(page(story, styles), keep="\n\t").encode("utf-8")
    with _writable(folder):
        files.write(INDEX, text)
        # Figures of reports that were drawn into files.
        files.remove([name for name in files if name.startswith(f"{FIGURES}/")])
    return folder / INDEX


def _prepared(folder: Path) -> OwnedFiles:
    """The files of the folder, which is made, and in which the page may be written."""
    with _writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        files = OwnedFiles(folder)
        files.check([INDEX])
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
