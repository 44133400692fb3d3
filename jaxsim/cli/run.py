"""One comparison from plan to report, with everything the user sees of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import typer
from jaxsim_kernels import meet

from jaxsim.cli.signals import interrupted
from jaxsim.cli.tables import print_plan, print_summary
from jaxsim.cli.terminal import open_console
from jaxsim.names import printable
from jaxsim.study import Comparison, Settings, prepare_comparison
from jaxsim.study.progress import shown_progress


def run_comparison(
    models: Sequence[str],
    images: str | None,
    *,
    settings: Settings,
    out: Path,
    untrained: bool = False,
    labels: Mapping[str, Any] | None = None,
    groups: Any = None,
) -> None:
    """Runs a comparison: plan, work, summary, path of the report.

    Args:
        models: As `jaxsim.compare` takes them.
        images: As `jaxsim.compare` takes them.
        settings: The settings.
        out: Folder for features, results and report.
        untrained: As `jaxsim.compare` takes it.
        labels: As `jaxsim.compare` takes them.
        groups: As `jaxsim.compare` takes them.

    Raises:
        ValueError: As `jaxsim.compare`.
    """

    def prepare() -> Comparison:
        return prepare_comparison(
            list(models), images, settings=settings, untrained=untrained, labels=labels, groups=groups, out=out
        )

    if jax.process_index() != 0:
        # One voice: process 0 shows the plan, the progress and the results.
        prepare().run(report=False)
        meet("report")
        return
    console = open_console()
    comparison = prepare()
    print_plan(console, comparison.plan, out, untrained=untrained)
    with shown_progress(open_console(stderr=True)) as show:

        def progress(done: int, total: int, what: str) -> None:
            if interrupted():  # a KeyboardInterrupt that was dropped
                raise KeyboardInterrupt
            show(done, total, what)

        study = comparison.run(report=False, progress=progress)
    print_summary(console, study, out)
    page = study.report(out)
    meet("report")
    # Last, alone and never wrapped, for a click or for `open "$(jaxsim compare ... | tail -n 1)"`.
    if sys.stdout.isatty():
        typer.echo(printable(str(page)))
    else:  # the bytes of the name, whatever they are, so that a program can open it
        typer.echo(os.fsencode(page))
