"""The commands: one for every stage of a study, and what can be asked beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jaxsim.cli.asked import asked_config, extracted_folder, kept_in, required_folder, write_config_file
from jaxsim.cli.compilation_cache import enable_compilation_cache
from jaxsim.cli.options import takes_options
from jaxsim.cli.outcome import readable_outcome

app = typer.Typer(
    name="jaxsim",
    help="Do two vision models get to their representations by the same steps?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DEMO_MODELS = tuple(
    f"embedded:{family}_{objective}_0" for family in ("cnn", "vit") for objective in ("classifier", "selfsup")
)
DEMO_IMAGES = "rendered:1000"


def _folder(text: str | Path) -> Path:
    """A folder from an option; `Path` would take "" for the current folder."""
    if not str(text):
        raise typer.BadParameter('expected the path of a folder, got nothing; write "." for the current folder')
    return Path(text)


Models = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME=]MODEL...",
        help="Checkpoint directories, hub ids, or folders and files of features, under a name if you like.",
        show_default=False,
    ),
]
Images = Annotated[
    str | None, typer.Option(help='A folder of images, an .npz or .npy file, "digits" or "rendered:N" (embedded).')
]
Out = Annotated[
    Path | None,
    typer.Option(parser=_folder, metavar="FOLDER", help="Folder for features, results and report.", show_default=False),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings of a study (TOML); what is written here goes before it."),
]
Distributed = Annotated[
    bool, typer.Option("--distributed", help="Join the other hosts; start the same command on each.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but where the results are.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON in place of tables.")]
Findings = Annotated[bool, typer.Option("--findings", help="Print all findings, not the verdicts alone.")]
Traceback = Annotated[
    bool, typer.Option("--traceback", envvar="JAXSIM_TRACEBACK", help="Show where an error comes from.")
]
Study = Annotated[Path, typer.Argument(metavar="FOLDER", parser=_folder, help="Folder of a study.")]


def _print_version(asked: bool | None) -> None:
    if asked:
        import jaxsim

        typer.echo(jaxsim.__version__)
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
@takes_options
def compare(
    models: Models = None,
    out: Out = None,
    images: Images = None,
    config: ConfigFile = None,
    write_config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the settings of this study to a file, - for stdout, and stop."),
    ] = None,
    distributed: Distributed = False,
    findings: Findings = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
    *,
    given: dict[str, Any],
) -> None:
    """Compare the processing steps of models on the same images: extract, measure and report.

    Prints a plan, works, prints the verdicts, and last the path of the page. A second run into the same folder
    uses what is there, a killed one goes on.
    """
    with readable_outcome(show_traceback=traceback, when_interrupted=kept_in(out, given)):
        settings = asked_config(config, models, images, given)
        if write_config is not None:
            write_config_file(settings, write_config)
            return
        folder = required_folder(out, settings.models, "compare")
        _begin(distributed)
        from jaxsim.cli import stages

        stages.compare(settings, folder, stages.Shown(quiet, as_json, findings))


@app.command()
@takes_options
def extract(
    models: Models = None,
    out: Out = None,
    images: Images = None,
    config: ConfigFile = None,
    distributed: Distributed = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
    *,
    given: dict[str, Any],
) -> None:
    """Extract the features of models from images, the first stage; prints the folder."""
    with readable_outcome(show_traceback=traceback, when_interrupted=kept_in(out, given)):
        settings = asked_config(config, models, images, given)
        folder = required_folder(out, settings.models, "extract")
        _begin(distributed)
        from jaxsim.cli import stages

        stages.extract(settings, folder, stages.Shown(quiet, as_json))


@app.command()
@takes_options
def measure(
    models: Models = None,
    out: Out = None,
    images: Images = None,
    config: ConfigFile = None,
    distributed: Distributed = False,
    findings: Findings = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
    *,
    given: dict[str, Any],
) -> None:
    """Measure features that were extracted into a folder, the second stage; loads no model, prints the folder.

    What the extraction was told, it need not be told again: the folder holds its settings.
    """
    with readable_outcome(show_traceback=traceback, when_interrupted=kept_in(out, given)):
        folder = extracted_folder(out, models)
        from jaxsim.study.saved import CONFIG

        left = folder / CONFIG
        settings = asked_config(left if config is None and left.is_file() else config, models, images, given)
        _begin(distributed)
        from jaxsim.cli import stages

        stages.measure(settings, folder, stages.Shown(quiet, as_json, findings))


@app.command()
def report(
    folder: Study,
    to: Annotated[Path | None, typer.Option(parser=_folder, help="Folder for the page [default: FOLDER].")] = None,
    models: Annotated[
        list[str] | None, typer.Option(help="Models to show, names or globs; may be given several times.")
    ] = None,
    steps: Annotated[list[str] | None, typer.Option(help="Steps to show, as in compare.")] = None,
    drop_steps: Annotated[list[str] | None, typer.Option(help="Steps to leave out, as in compare.")] = None,
    k: Annotated[str | None, typer.Option(help='Of those measured, such as "1" or "1,10".')] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(metavar="OLD=NEW", help="Name of a model or step on the page; may be given several times."),
    ] = None,
    findings: Findings = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Write the page of a study that was measured, the last stage; prints its path."""
    with readable_outcome(show_traceback=traceback):
        from jaxsim.cli import stages
        from jaxsim.cli.choosing import chosen_by

        change = chosen_by(models=models, steps=steps, drop_steps=drop_steps, k=k, rename=rename)
        if to is None and change is not None:
            raise ValueError("expected --to FOLDER for a page of a part of a study, or under other names, got none")
        stages.report(folder, to or folder, stages.Shown(quiet, as_json, findings), change or (lambda study: study))


@app.command()
def inspect(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", parser=_folder, help="Folder of a study, or of features.")
    ],
    as_json: AsJson = False,
    traceback: Traceback = False,
) -> None:
    """Say what is in a folder, whether it is whole, and how it was made."""
    with readable_outcome(show_traceback=traceback):
        from jaxsim.cli.inspecting import print_inspection

        print_inspection(folder, as_json=as_json)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(parser=_folder, help="Folder for features, results and report.")] = Path(
        "jaxsim-demo"
    ),
    findings: Findings = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Compare four small trained models with their untrained controls on rendered images; needs no network."""
    with readable_outcome(show_traceback=traceback, when_interrupted=kept_in(out, {})):
        _begin(False)
        from jaxsim.cli import stages
        from jaxsim.cli.config import Config

        options = {"batch_size": 200, "statistics": True, "untrained": True}
        settings = Config(tuple(("", source) for source in DEMO_MODELS), DEMO_IMAGES, options)
        stages.compare(settings, out, stages.Shown(quiet, as_json, findings))


@app.command()
def models(as_json: AsJson = False, traceback: Traceback = False) -> None:
    """List what can be loaded."""
    with readable_outcome(show_traceback=traceback):
        from jaxsim.cli.about import print_models

        print_models(as_json=as_json)


@app.command()
def metrics(as_json: AsJson = False, traceback: Traceback = False) -> None:
    """List all measures and what they declare."""
    with readable_outcome(show_traceback=traceback):
        from jaxsim.cli.about import print_measures

        print_measures(as_json=as_json)


@app.command()
def info(as_json: AsJson = False, traceback: Traceback = False) -> None:
    """Show versions and devices."""
    with readable_outcome(show_traceback=traceback):
        from jaxsim.cli.about import print_info

        print_info(as_json=as_json)


def _begin(distributed: bool) -> None:
    enable_compilation_cache()
    if distributed:
        from jaxsim.cli.hosts import join_hosts

        join_hosts()
