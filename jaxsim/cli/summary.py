"""What a study comes to, on one screen: a verdict on each claim, with its number and where the page is."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from jaxsim.cli.terminal import print_lines
from jaxsim.files import parse_json
from jaxsim.wording import counted, sample_word

if TYPE_CHECKING:
    import pandas as pd

    from jaxsim.study import Study


def print_summary(console: Console, study: Study, out: Path) -> None:
    """Prints the verdicts, for the first k.

    Args:
        console: Where to.
        study: The finished study.
        out: Where results are.
    """
    print_lines(console, [*_verdict_lines(study), *_about_run(study), f"results      {out}"])


def summary_of(study: Study, out: Path, page: Path | None, *, findings: bool) -> dict[str, Any]:
    """The same as JSON holds it.

    Args:
        study: The finished study.
        out: Where results are.
        page: The page; None where none was written.
        findings: Whether all findings are wanted, too.
    """
    verdicts = study.verdicts.to_dataframe(dim_order=["k", "claim"]).reset_index()
    found: dict[str, Any] = {"out": str(out), "page": None if page is None else str(page), "models": list(study.models)}
    found["verdicts"] = rows_of(verdicts)
    found["reused"] = list(study.reused)
    found["left_out"] = parse_json(study.results.attrs.get("damaged", "[]"))
    if findings and "findings" in (tables := study.tables()):
        found["findings"] = rows_of(tables["findings"])
    return found


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as JSON holds them: null for what is not a number.

    Example:
        >>> import pandas
        >>> rows_of(pandas.DataFrame({"k": [1], "value": [float("nan")]}))
        [{'k': 1, 'value': None}]
    """
    rows = json.loads(table.to_json(orient="records") or "[]")
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _verdict_lines(study: Study) -> list[str]:
    """For each claim the question with its verdict, the answer, how it stands to the control, and the number."""
    from jaxsim.study.shown import headline

    found, attrs = study.verdicts.isel(k=0), study.results.attrs
    measure, k = str(attrs.get("long_name", "information imbalance")), int(study.results["k"][0])
    samples = counted(int(attrs["n_samples"]), sample_word(attrs.get("images")))
    lines = ["", f"{counted(len(study.models), 'model')}, {samples}, {measure} at k = {k}", ""]
    for claim in found["claim"].values:
        row = found.sel(claim=claim)
        lines += [f"{row['question'].item()} {str(row['verdict'].item()).upper()}", f"  {row['answer'].item()}."]
        against = str(row["against_control"].item())
        lines += [f"  {against[0].upper()}{against[1:]}."] if against else []
        lines += [f"  {headline(row)}"] if math.isfinite(float(row["value"])) else []
    return [*lines, ""]


def _about_run(study: Study) -> list[str]:
    damaged = parse_json(study.results.attrs.get("damaged", "[]"))
    lines = []
    if damaged:
        listed = ", ".join(damaged[:3]) + (", ..." if len(damaged) > 3 else "")
        lines.append(f"left out     {counted(len(damaged), 'damaged image')}: {listed}")
    if study.reused:
        lines.append(f"reused       {', '.join(study.reused)}")
    return lines
