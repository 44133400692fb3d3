"""What a folder holds, whether it is whole, and how it was made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from jaxsim.arguments import check_folder_path
from jaxsim.cli.terminal import open_console, print_lines, print_table
from jaxsim.data.stage_times import STAGES
from jaxsim.features import open_features
from jaxsim.features.feature_set import ARRAYS, MANIFEST
from jaxsim.features.folder_writer import REQUEST
from jaxsim.features.own_files import read_request
from jaxsim.features.parts import images_done
from jaxsim.files import JOURNAL, OwnedFiles, parse_json
from jaxsim.report.writing import INDEX
from jaxsim.study import Study
from jaxsim.study.run.places import feature_folders_there
from jaxsim.study.saved import CONFIG, FILES, UNTRAINED
from jaxsim.wording import counted

WHOLE = "whole"
#: What is told of how a study was made.
MADE = (
    *("created", "jaxsim_version", "n_samples", "n_queries", "metric", "ties", "pool", "precision", "seed"),
    *("groups", "steps", "selected_steps", "command"),
)


def print_inspection(folder: Path, *, as_json: bool = False) -> None:
    """Prints what is in a folder.

    Args:
        folder: Of a study, or of features.
        as_json: Whether to print JSON.

    Raises:
        ValueError: If it is no folder, or nothing in it is jaxsim's.
    """
    found = inspected(folder)
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    console = open_console()
    features = found["features"]
    if features:
        columns = ("folder", "<model", "<pooling", "steps", "images", "<state")
        names = ("folder", "model", "pool", "steps", "images", "state")
        print_table(console, "Features", columns, [[str(each[name]) for name in names] for each in features])
        timed = {each["folder"]: each.get("seconds") for each in features}
        lines = [f"time of {name}: {_seconds(taken)}" for name, taken in timed.items() if taken]
        print_lines(console, [*lines, ""] if lines else [])
    study = found["study"]
    if study is not None and study["state"] == WHOLE:
        rows = [(name, str(n)) for name, n in study["models"].items()]
        print_table(console, "Study", ("model", "steps"), rows)
        lines = [f"{name:<12} {value}" for name, value in study["made"].items() if value not in ("", None)]
        print_lines(console, [*lines, f"{'holds':<12} {', '.join(study['holds']) or 'nothing further'}", ""])
    elif study is not None:
        print_lines(console, [f"study        {study['state']}", ""])
    files = found["files"]
    if files is not None:
        said = f"{files['as_written']} as written"
        said += f"; changed since: {', '.join(files['changed'])}" if files["changed"] else ""
        said += f"; gone: {', '.join(files['gone'])}" if files["gone"] else ""
        print_lines(console, [f"files        {said}"])
    for name in ("page", "settings"):
        if found[name] is not None:
            print_lines(console, [f"{name:<12} {found[name]}"])


def inspected(folder: Path) -> dict[str, Any]:
    """What is in a folder, as JSON holds it.

    Args:
        folder: Of a study, or of features.

    Returns:
        `features` (a list), `study` (None without one), `files` that jaxsim has written (None without a journal),
        `page` and `settings` (paths, None without).

    Raises:
        ValueError: If it is no folder, or nothing in it is jaxsim's.
    """
    folder = check_folder_path("FOLDER", folder)
    if not folder.is_dir():
        raise ValueError(f"expected a folder that jaxsim has written, but there is none at {folder}")
    own = [folder] if any((folder / name).exists() for name in (MANIFEST, REQUEST, ARRAYS)) else []
    above = [folder, *([folder / UNTRAINED] if (folder / UNTRAINED).is_dir() else [])]
    features = [*own, *(each for run in above for each in feature_folders_there(run))]
    files = _files(folder)
    study = _study(folder) if (folder / FILES["results"]).exists() else None
    if not features and study is None and files is None:
        raise ValueError(
            f"nothing in {folder} was written by jaxsim; give the folder of a study (--out), or one of features"
        )
    return {
        "folder": str(folder),
        "features": [_features(each, folder) for each in features],
        "study": study,
        "files": files,
        "page": str(folder / INDEX) if (folder / INDEX).is_file() else None,
        "settings": str(folder / CONFIG) if (folder / CONFIG).is_file() else None,
    }


def _features(folder: Path, above: Path) -> dict[str, Any]:
    name = "." if folder == above else folder.relative_to(above).as_posix()
    found: dict[str, Any] = {"folder": name, "model": "-", "pool": "-", "steps": "-", "images": "-"}
    try:
        if (folder / MANIFEST).exists():
            manifest = open_features(folder).manifest
            lost = len(manifest["damaged"])
            found |= {"model": manifest["model"]["name"], "source": manifest["model"]["source"]}
            state = WHOLE + (f", {counted(lost, 'damaged image')} left out" if lost else "")
            versions = manifest.get("versions", {})
            found |= {"created": manifest.get("created"), "version": versions.get("jaxsim-metrics")}
            found |= {"seconds": manifest.get("seconds", {})}
            n = len(manifest["sample_ids"])
        else:
            manifest, _ = read_request(folder / REQUEST)
            n = manifest["n_images"]
            state = f"unfinished: {images_done(folder, n)} of {counted(n, 'image')}; the same command continues"
    except ValueError as error:
        return found | {"state": f"damaged: {error}"}
    return found | {"pool": manifest["pool"], "steps": len(manifest["steps"]), "images": n, "state": state}


def _study(folder: Path) -> dict[str, Any]:
    try:
        study = Study.load(folder)
    except ValueError as error:
        return {"state": f"damaged: {error}"}
    attrs = study.results.attrs
    made = {name: _plain(attrs[name]) for name in MADE if name in attrs}
    made["k"] = [int(each) for each in study.results["k"].values]
    if "images" in attrs:
        made["images"] = " ".join(f"{name}={value}" for name, value in parse_json(attrs["images"]).items())
    holds = [name for name in study.measured if name != "results"]
    holds += [f"by_measure {name}" for name in study.by_measure]
    holds += ["untrained"] if study.untrained is not None else []
    steps = {name: len(own) for name, own in study.steps.items()}
    return {"state": WHOLE, "models": steps, "made": made, "holds": holds}


def _files(folder: Path) -> dict[str, Any] | None:
    """The files of the journal: as they were written, changed since, or gone though no run removed them."""
    if not (folder / JOURNAL).is_file():
        return None
    files = OwnedFiles(folder)
    there = [name for name in files if (folder / name).exists()]
    changed = [name for name in there if not files.owns(name)]
    return {"as_written": len(there) - len(changed), "changed": changed, "gone": files.missing()}


def _seconds(taken: dict[str, float]) -> str:
    """What the stages of an extraction took.

    Example:
        >>> _seconds({"decode": 6.25, "device": 3.0, "wait": 1.0})
        'decode 6.2 s, device 3.0 s (waited 1.0 s for images)'
    """
    said = ", ".join(f"{stage} {taken[stage]:.1f} s" for stage in STAGES if stage in taken and stage != "wait")
    return said + (f" (waited {taken['wait']:.1f} s for images)" if "wait" in taken else "")


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
