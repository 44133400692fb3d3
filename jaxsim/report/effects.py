"""The kinds of effects that findings are of, and how their rows are chosen, sorted, named and printed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from jaxsim.report.measured_by import DELTA
from jaxsim.report.schema import at_k


@dataclass(frozen=True)
class Kind:
    """How one kind of effect is drawn and told.

    Attributes:
        title: What a figure is called.
        axis: What its values are.
        nothing: Whether 0 is what nothing gives.
        order: What changes when the sign does, as "... changes with N" goes on; "" where a sign says nothing.
    """

    title: str
    axis: str
    nothing: bool = True
    order: str = ""


#: An effect can be told from nothing where its corrected p is below this.
SURE = 0.05
#: What the sizes of `by_size` are called; a study of few images has the last two only.
SIZES = ("N/4", "N/2", "N")
KINDS = {
    "alignment": Kind(
        "Order of processing",
        "nearer in depth than shuffled matches",
        order="whether best-matching steps lie nearer in depth than shuffled ones",
    ),
    "middle_distance": Kind("Half way", "Δ at the same depth, 0.25 to 0.75", nothing=False),
    "information_change": Kind(
        "Image statistics, first to last step",
        "change of Δ(step → statistic)",
        order="whether the last step holds more of the image statistics than the first",
    ),
    "information_difference": Kind(
        "Image statistics, last steps",
        "difference of Δ(step → statistic)",
        order="which of two last steps holds more of the image statistics",
    ),
    "smoothness": Kind("Change over equal stretches", "mean Δ between t and t + h", nothing=False),
    "smoothness_difference": Kind(
        "Smoothness, difference",
        "difference of mean Δ between t and t + h",
        order="which of two models is smoother",
    ),
    "label_change": Kind(
        "Labels, first to last step",
        "change of the overlap with the label",
        order="whether the last step separates the label better than the first",
    ),
    "label_difference": Kind(
        "Labels, last steps",
        "difference of the overlap with the label",
        order="which of two last steps separates the label better",
    ),
}


def axis_of(kind: str, symbol: str) -> str:
    """What the values of a kind are, for an axis, with the symbol of the measure.

    Example:
        >>> axis_of("smoothness", "CKA")
        'mean CKA between t and t + h'
    """
    return KINDS[kind].axis.replace(DELTA, symbol)


def main_space(names: Iterable[Any]) -> str:
    """The space that sentences speak of: all statistics together where there are such, else the first.

    Example:
        >>> main_space(["colour", "all"]), main_space(["", "taste"])
        ('all', 'taste')
    """
    known = [str(name) for name in names if str(name)]
    return "all" if "all" in known else known[0]


def space_title(space: str) -> str:
    """What a space is called where it stands by itself.

    Example:
        >>> space_title("all"), space_title("colour")
        ('all statistics', 'colour')
    """
    return "all statistics" if space == "all" else space


def size_names(findings: xr.Dataset) -> list[str]:
    """The numbers of images at which effects are known, the smallest first.

    Example:
        >>> from jaxsim.study.constructed import constructed_findings
        >>> size_names(constructed_findings())
        ['N/4 = 100', 'N/2 = 200', 'N = 400']
    """
    sizes = findings["size"].values.astype(int).tolist()
    return [f"{name} = {size:,}" for name, size in zip(SIZES[-len(sizes) :], sizes, strict=True)]


def findings_of(findings: xr.Dataset, kind: str, *, space: str | None = None, k: int | None = None) -> xr.Dataset:
    """The findings of one kind, for one k, of one space if wanted, in the order of the study.

    Raises:
        ValueError: There is none.
    """
    chosen = at_k(findings, k)
    own = chosen["kind"].values == kind
    if space is not None:
        own &= chosen["space"].values == space
    if not own.any():
        known = ", ".join(dict.fromkeys(chosen["kind"].values.astype(str).tolist()))
        what = kind if space is None else f"{kind} of {space}"
        raise ValueError(f"Expected findings of the kind {what!r}, but the study has those of: {known}.")
    return chosen.isel(finding=np.flatnonzero(own))


def by_magnitude(rows: xr.Dataset) -> xr.Dataset:
    """The rows with the largest effect, of either sign, first; undefined ones last.

    Example:
        >>> from jaxsim.study.constructed import constructed_findings
        >>> rows = by_magnitude(findings_of(constructed_findings(), "information_change"))
        >>> bool((np.diff(np.abs(rows["value"].values)) <= 0).all())
        True
    """
    size = np.abs(rows["value"].values)
    return rows.isel(finding=np.argsort(np.where(np.isfinite(size), -size, np.inf), kind="stable"))


def changing(rows: xr.Dataset) -> np.ndarray:
    """Which rows of one kind are told otherwise at N/4 or N/2 than at N, bool `[n_findings]`.

    Where 0 is what nothing gives, those with another sign; else those with another place in the order of the rows.

    Example:
        >>> from jaxsim.study.constructed import constructed_findings
        >>> changing(findings_of(constructed_findings(), "smoothness")).tolist()
        [False, False]
    """
    if KINDS[str(rows["kind"].values[0])].nothing:
        return rows["sign_changes"].values.astype(bool)
    sizes = rows["by_size"].transpose("finding", "size").values
    places = np.argsort(np.argsort(sizes, axis=0, kind="stable"), axis=0, kind="stable")
    return (places != places[:, -1:]).any(axis=1)


def spaces_of(rows: xr.Dataset) -> list[str]:
    """Names of the spaces or labels that the rows are of, in the order of the study; none where they are of none."""
    return [str(name) for name in dict.fromkeys(rows["space"].values.tolist()) if name]


def row_label(row: xr.Dataset, *, with_space: bool = True) -> str:
    """What an effect is of: model, pair or space."""
    a, b, space = (str(row[name].item()) for name in ("a", "b", "space"))
    of = f"{a} − {b}" if b and "difference" in str(row["kind"].item()) else f"{a}, {b}" if b else a
    return f"{of}: {space}" if space and with_space else of


def notes_of(rows: xr.Dataset) -> list[str]:
    """Why some of the rows have no interval, each reason once."""
    return [str(note) for note in dict.fromkeys(rows["note"].values.tolist()) if note]


def kinds_of(findings: xr.Dataset) -> list[str]:
    """The kinds that are there, in the order of `KINDS`.

    Raises:
        ValueError: A kind is not known.
    """
    there = dict.fromkeys(findings["kind"].values.astype(str).tolist())
    unknown = [kind for kind in there if kind not in KINDS]
    if unknown:
        raise ValueError(f"Expected findings of the kinds {', '.join(KINDS)}, but {unknown[0]!r} came.")
    return [kind for kind in KINDS if kind in there]


def who(row: xr.Dataset) -> str:
    """The model or the pair."""
    return ", ".join(name for name in (str(row["a"].item()), str(row["b"].item())) if name)
