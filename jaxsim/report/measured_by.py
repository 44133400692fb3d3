"""The measure behind the numbers of a study: its symbol and its name, as labels, axes and sentences use them."""

from dataclasses import dataclass

import xarray as xr

DELTA = "Δ"


@dataclass(frozen=True)
class MeasuredBy:
    """What stands on axes and in sentences for the measure of a study.

    Attributes:
        symbol: Short, for axes and formulas: Δ, or what the measure declares, else its title.
        title: In words.
        directed: Whether Δ(A → B) and Δ(B → A) may differ.
        turned: Whether the measure is a similarity, and the study holds it turned round, as a dissimilarity.
        source: Paper that defines it.
        name: By which `jaxsim.measure` finds it.
    """

    symbol: str = DELTA
    title: str = "information imbalance"
    directed: bool = True
    turned: bool = False
    source: str = ""
    name: str = "information_imbalance"

    @property
    def usual(self) -> bool:
        """Whether it is the information imbalance, whose floor, chance level and direction the page explains."""
        return self.name == "information_imbalance"

    @property
    def axis(self) -> str:
        """What a value is, for an axis.

        Example:
            >>> MeasuredBy().axis, MeasuredBy("CKA", "debiased CKA", turned=True, name="cka").axis
            ('Δ', 'CKA, turned round')
        """
        return f"{self.symbol}, turned round" if self.turned else self.symbol

    @property
    def both_ways(self) -> str:
        """What the mean of both directions is, for an axis; of a measure without direction the value itself.

        Example:
            >>> MeasuredBy().both_ways, MeasuredBy("CKA", "debiased CKA", directed=False).both_ways
            ('mean Δ of both directions', 'CKA')
        """
        return f"mean {self.axis} of both directions" if self.directed else self.axis

    def of(self, source: str, target: str) -> str:
        """The measure of two things.

        Example:
            >>> MeasuredBy().of("A", "B"), MeasuredBy("CKA", directed=False).of("A", "B")
            ('Δ(A → B)', 'CKA(A, B)')
        """
        return f"{self.symbol}({source} → {target})" if self.directed else f"{self.symbol}({source}, {target})"


DELTA_MEASURE = MeasuredBy()


def measured_by(results: xr.Dataset) -> MeasuredBy:
    """The measure of a study, from what its results declare; the information imbalance where they declare none.

    Args:
        results: Results dataset of a study.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> measured_by(constructed_study()[0]).symbol
        'Δ'
    """
    declared = results.attrs
    if "measure" not in declared:
        return DELTA_MEASURE
    title = str(declared.get("long_name") or declared["measure"])
    return MeasuredBy(
        symbol=str(declared.get("symbol") or title),
        title=title,
        directed=not int(declared.get("symmetric", 0)),
        turned=declared.get("orientation") == "similarity",
        source=str(declared.get("source", "")),
        name=str(declared["measure"]),
    )
