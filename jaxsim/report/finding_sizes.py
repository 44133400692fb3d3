"""What changes with the number of images: signs of effects, and orders of models."""

import numpy as np
import xarray as xr

from jaxsim.report.effects import (
    KINDS,
    SIZES,
    by_magnitude,
    decimals_for,
    findings_of,
    kinds_of,
    signed,
    spaces_of,
    who,
)
from jaxsim.report.finding_sentences import MOST_SAID, excludes_zero, main_of
from jaxsim.report.sentences import listed

#: Kinds that the figure shows, of the main space and of every label.
HEADLINES = ("alignment", "information_change", "smoothness", "label_change")


def headlines(findings: xr.Dataset) -> list[tuple[str, str | None]]:
    """Kind and space of every panel of the figure.

    Example:
        >>> from jaxsim.study.constructed import constructed_findings
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


def size_names(findings: xr.Dataset) -> list[str]:
    """The numbers of images at which effects are known, the smallest first.

    Example:
        >>> from jaxsim.study.constructed import constructed_findings
        >>> size_names(constructed_findings())
        ['N/4 = 100', 'N/2 = 200', 'N = 400']
    """
    sizes = findings["size"].values.astype(int).tolist()
    return [f"{name} = {size:,}" for name, size in zip(SIZES[-len(sizes) :], sizes, strict=True)]


def describe_sizes(findings: xr.Dataset, k: int | None = None) -> str:
    """Which signs and orders are others at N/4 or N/2 than at N, or that none are.

    Args:
        findings: The findings of a study.
        k: Number of neighbours, one of the study's. Default: its first.

    Returns:
        A sentence for every kind of effect with a change, or one that says there is none.

    Example:
        >>> from jaxsim.study.constructed import constructed_findings
        >>> describe_sizes(constructed_findings())
        'No sign and no order of two models is another at N/4 = 100 or N/2 = 200 than at N = 400.'
    """
    *smaller, everything = size_names(findings)
    said = []
    for kind in kinds_of(findings):
        if KINDS[kind].order:
            rows = by_magnitude(findings_of(findings, kind, k=k))
            own = rows.isel(finding=np.flatnonzero(rows["sign_changes"].values))
            if own.sizes["finding"]:
                said.append(_changes(kind, own, rows.sizes["finding"]))
        elif kind == "middle_distance":
            said += _closest(findings_of(findings, kind, k=k))
    if not said:
        return f"No sign and no order of two models is another at {' or '.join(smaller)} than at {everything}."
    named = any("(" in each for each in said)
    key = f"{'In brackets: the effect at' if named else 'Compared:'} {listed([*smaller, everything])}."
    return f"{' '.join(said)} ({key})"


def _changes(kind: str, own: xr.Dataset, of: int) -> str:
    """One kind: what changes, in how many cases, and in which of those more than chance is known of the sign at N.

    A sign that cannot be told from chance at N is as often another at a smaller one; such cases are counted only.
    """
    order, n = KINDS[kind].order, own.sizes["finding"]
    opening = f"{order[0].upper()}{order[1:]} changes with N in {n} of {of}"
    known = own.isel(finding=np.flatnonzero(excludes_zero(own) | np.isnan(own["low"].values)))
    m = known.sizes["finding"]
    if m == 0:
        which = "there" if n == 1 else "in each of them"
        return f"{opening}, but {which} the interval at N holds 0, so that chance may have done it."
    named = []
    for i in range(min(m, MOST_SAID)):
        row = known.isel(finding=i)
        space = str(row["space"].item())
        named.append(f"{who(row)}{f' for {space}' if space else ''} ({_path(row)})")
    more = f" and {m - MOST_SAID} more, marked ↕ in the table" if m > MOST_SAID else ""
    rest = f"; in the other {n - m} the interval at N holds 0" if n > m else ""
    return f"{opening}: {listed(named)}{more}{rest}."


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
    values = [float(value) for value in row["by_size"].values]
    return ", ".join(signed(value, decimals_for(*values)) for value in values)
