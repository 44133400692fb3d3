"""What changes with the number of images: signs of effects, and orders of models."""

import numpy as np
import xarray as xr

from jaxsim.report.effects import KINDS, by_magnitude, findings_of, kinds_of, spaces_of
from jaxsim.report.finding_sentences import MOST_SAID, main_of, signed, who
from jaxsim.report.sentences import listed

#: Kinds that the figure shows, of the main space and of every label.
HEADLINES = ("alignment", "information_change", "smoothness", "label_change")


def headlines(findings: xr.Dataset) -> list[tuple[str, str | None]]:
    """Kind and space of every panel of the figure.

    Example:
        >>> from jaxsim.report.constructed_further import constructed_findings
        >>> headlines(constructed_findings())
        [('alignment', None), ('information_change', 'all'), ('smoothness', None)]
    """
    panels: list[tuple[str, str | None]] = []
    for kind in kinds_of(findings):
        if kind not in HEADLINES:
            continue
        rows = findings_of(findings, kind)
        if kind == "information_change":
            panels.append((kind, main_of(rows)))
        else:
            panels += [(kind, space) for space in (spaces_of(rows) or [None])]
    return panels


def describe_sizes(findings: xr.Dataset, k: int | None = None) -> str:
    """Which signs and orders are others at N/4 or N/2 than at N, or that none are.

    Args:
        findings: The findings of a study.
        k: Number of neighbours, one of the study's. Default: its first.

    Returns:
        A sentence for every kind of effect with a change, or one that says there is none.

    Example:
        >>> from jaxsim.report.constructed_further import constructed_findings
        >>> describe_sizes(constructed_findings())
        'No sign and no order of two models is another at N/4 = 100 or N/2 = 200 than at N = 400.'
    """
    sizes = [int(size) for size in findings["size"].values]
    said = []
    for kind in kinds_of(findings):
        if KINDS[kind].order:
            rows = by_magnitude(findings_of(findings, kind, k=k))
            own = rows.isel(finding=np.flatnonzero(rows["sign_changes"].values))
            if own.sizes["finding"]:
                said.append(_changes(kind, own, rows.sizes["finding"]))
        elif kind == "middle_distance":
            said += _closest(findings_of(findings, kind, k=k))
    at = f"N/4 = {sizes[0]:,} or N/2 = {sizes[1]:,} than at N = {sizes[2]:,}"
    if not said:
        return f"No sign and no order of two models is another at {at}."
    return f"{' '.join(said)} (In brackets: the effect at {sizes[0]:,}, {sizes[1]:,} and {sizes[2]:,} images.)"


def _changes(kind: str, own: xr.Dataset, of: int) -> str:
    """One kind: what changes, in how many cases, and in which, the largest at N first."""
    order, n = KINDS[kind].order, own.sizes["finding"]
    named = []
    for i in range(min(n, MOST_SAID)):
        row = own.isel(finding=i)
        space = str(row["space"].item())
        named.append(f"{who(row)}{f' for {space}' if space else ''} ({_path(row)})")
    more = f" and {n - MOST_SAID} more, marked ↕ in the table" if n > MOST_SAID else ""
    return f"{order[0].upper()}{order[1:]} changes with N in {n} of {of}: {listed(named)}{more}."


def _closest(rows: xr.Dataset) -> list[str]:
    """Whether the two models that are closest half way are others at a smaller N."""
    sizes = rows["by_size"].transpose("finding", "size").values
    if rows.sizes["finding"] < 2 or not np.isfinite(sizes).all():
        return []
    nearest = [int(place) for place in sizes.argmin(axis=0)]
    if len(set(nearest)) == 1:
        return []
    found = zip(nearest, rows["size"].values, strict=True)
    names = [f"{who(rows.isel(finding=place))} at {int(n):,}" for place, n in found]
    return [f"Which two models are closest half way changes with N: {listed(names)} images."]


def _path(row: xr.Dataset) -> str:
    return ", ".join(signed(float(value)) for value in row["by_size"].values)
