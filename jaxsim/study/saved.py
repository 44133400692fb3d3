"""A study on disk: which files hold it, written and read as one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from jaxsim.files import JOURNAL, OwnedFiles, parse_json
from jaxsim.study.netcdf import read_netcdf, write_netcdf

#: The datasets of a study, in the order of its fields, and the files that hold them.
FILES = {"results": "study.nc", "smoothness": "smoothness.nc", "between": "between.nc"}
#: Only where spaces beside the steps were measured.
INFORMATION = "information"
#: Only where half-samples were measured, and what they give.
HALVES, SHUFFLED, FINDINGS, BY_SIZE = "halves", "shuffled", "findings", "findings_by_size"
#: Only where images have labels.
LABELS = "labels"
#: Only where steps were described by themselves.
DESCRIPTIONS = "descriptions"
#: Datasets that need not be there: field of a study -> name of its files.
OPTIONAL = {
    INFORMATION: INFORMATION,
    HALVES: HALVES,
    SHUFFLED: SHUFFLED,
    "label_overlap": LABELS,
    DESCRIPTIONS: DESCRIPTIONS,
}
#: The settings that a run from the command line leaves.
CONFIG = "jaxsim.toml"
#: The folder that holds the same study by further measures, a folder each.
BY_MEASURE = "measures"
#: The folder of the same study of random weights.
UNTRAINED = "untrained"
#: Tables that every study has.
TABLES = (
    *("imbalance", "smoothness", "smoothness_summary", "fixed_step", "between", "matches", "alignment"),
    "verdicts",
)
#: What every study writes.
ALWAYS = (*FILES.values(), *(f"{name}.csv" for name in TABLES))
#: What some studies write.
SOMETIMES = (
    *(f"{name}.nc" for name in (*OPTIONAL.values(), FINDINGS)),
    *(f"{name}.csv" for name in (INFORMATION, LABELS, DESCRIPTIONS, FINDINGS, BY_SIZE)),
)
#: The parts that rest on splits into halves.
OF_SPLITS = (
    *(f"{name}.nc" for name in (HALVES, SHUFFLED, FINDINGS)),
    *(f"{name}.csv" for name in (FINDINGS, BY_SIZE)),
)
#: The attribute of study.nc that names the other files of the same study with their sha256.
SAVED_WITH = "saved_with"
_CURE = "run the comparison again"


def save_study(study: Any, folder: Path, tables: Mapping[str, pd.DataFrame]) -> Path:
    """Writes the datasets and tables of a study; study.nc comes last and names the rest.

    Args:
        study: The `Study`.
        folder: Made if it does not exist.
        tables: The same as tables: name -> table.

    Returns:
        The folder.

    Raises:
        ValueError: If the folder cannot be written, or a file in it would be replaced that jaxsim has not written or
            that was changed since.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = OwnedFiles(folder)
        parts = {file: getattr(study, field) for field, file in FILES.items() if field != "results"}
        parts |= {
            f"{name}.nc": getattr(study, field) for field, name in (OPTIONAL | {"all_findings": FINDINGS}).items()
        }
        parts = {name: part for name, part in parts.items() if part is not None}
        written = [*parts, *(f"{name}.csv" for name in tables), FILES["results"]]
        files.check(written)
        hashes = {}
        for name, part in parts.items():
            write_netcdf(part, files, name)
            hashes[name] = files.last_written(name)
        for name, table in tables.items():
            files.write(f"{name}.csv", table.to_csv(index=False).encode("utf-8", "backslashreplace"))
        if study.untrained is not None:
            study.untrained.save(folder / UNTRAINED)
            hashes[UNTRAINED] = ""
        for name, own in study.by_measure.items():
            # The control by this measure lies in the control's own folder.
            replace(own, untrained=None).save(folder / BY_MEASURE / name)
            hashes[f"{BY_MEASURE}/{name}"] = ""
        write_netcdf(study.results.assign_attrs({SAVED_WITH: json.dumps(hashes)}), files, FILES["results"])
        # Only now that study.nc does not name them: what an earlier study left here.
        files.remove([name for name in SOMETIMES if name not in written])
        gone = [] if study.untrained is not None else [folder / UNTRAINED]
        if (folder / BY_MEASURE).is_dir():
            gone += [each for each in (folder / BY_MEASURE).iterdir() if each.name not in study.by_measure]
        for each in gone:
            if each.is_dir() and not each.is_symlink():
                OwnedFiles(each).remove([*ALWAYS, *SOMETIMES])
    except OSError as error:
        raise ValueError(
            f"cannot save the study in {folder}: {error.strerror or error}; choose another folder"
        ) from error
    return folder


def load_datasets(folder: Path) -> tuple[dict[str, Any], bool, tuple[str, ...]]:
    """Reads what `save_study` wrote.

    Args:
        folder: The folder.

    Returns:
        Field of a study -> its dataset, wholly in memory; whether there is a study of random weights beside it; and the
        names of the further measures that there are studies by.

    Raises:
        ValueError: If the folder holds no study, or a file in it is missing, damaged or of another study.
    """
    if not folder.is_dir():
        raise ValueError(f"expected a folder written by Study.save, but there is none at {folder}; check the path")
    missing = [file for file in FILES.values() if not (folder / file).is_file()]
    if missing:
        raise ValueError(
            f"expected a folder written by Study.save, but {folder} has no {missing[0]}; "
            "give the `out` folder of a finished comparison"
        )
    files = OwnedFiles(folder)
    if FILES["results"] in files and not files.owns(FILES["results"]):
        raise ValueError(
            f"{folder / FILES['results']} is damaged, or was changed since it was saved (says {JOURNAL}): "
            "delete it and run the comparison again"
        )
    results = read_netcdf(folder / FILES["results"])
    saved_with = results.attrs.pop(SAVED_WITH, None)
    if saved_with is None:  # saved by an earlier version: what is there belongs to it
        there = [*list(FILES.values())[1:], *(f"{name}.nc" for name in OPTIONAL.values())]
        hashes: dict[str, str | None] = {name: None for name in there if (folder / name).is_file()}
        hashes |= {UNTRAINED: None} if (folder / UNTRAINED / FILES["results"]).is_file() else {}
    else:
        hashes = _checked_hashes(saved_with, folder)
    read: dict[str, Any] = {}
    for field, name in (FILES | {field: f"{name}.nc" for field, name in OPTIONAL.items()}).items():
        if name not in hashes:
            continue
        if not (folder / name).is_file():
            raise ValueError(f"{folder / name} is missing, which {FILES['results']} was saved with: {_CURE}")
        read[field] = read_netcdf(folder / name, sha256=hashes[name])
    lacking = [file for field, file in FILES.items() if field not in read and field != "results"]
    if lacking:
        raise ValueError(f"{folder / FILES['results']} does not name {lacking[0]} as a part of the study: {_CURE}")
    measures = tuple(name.partition("/")[2] for name in hashes if name.startswith(f"{BY_MEASURE}/"))
    if not all(name.isidentifier() for name in measures):
        raise ValueError(f"{folder / FILES['results']} names measures that cannot be: {', '.join(measures)}; {_CURE}")
    return {"results": results} | read, UNTRAINED in hashes, measures


def _checked_hashes(text: Any, folder: Path) -> dict[str, str | None]:
    """The files that study.nc names."""
    try:
        hashes = parse_json(text)
    except (TypeError, ValueError):
        hashes = None
    if not isinstance(hashes, dict) or not all(isinstance(each, str) for each in hashes.values()):
        raise ValueError(f"{folder / FILES['results']} does not say which files belong to it: {_CURE}")
    return hashes
