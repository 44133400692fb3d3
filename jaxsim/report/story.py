"""What every chapter draws on, and a block of the page for every k."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import xarray as xr

from jaxsim.report.control import Control
from jaxsim.report.facts import StudyFacts
from jaxsim.report.markup import Markup, joined, tag
from jaxsim.report.measured_by import MeasuredBy
from jaxsim.report.steps import Flags

NO_FLAGS = Flags()


@dataclass(frozen=True)
class Story:
    """The checked datasets of a study and its settings.

    Attributes:
        results: Results.
        smoothness: Step changes and profiles over equal stretches.
        between: Distances and matches between models; None with one model.
        facts: Settings and models.
        colours: Model -> CSS colour.
        measure: The measure behind the numbers.
        information: What the steps know of other spaces; None where not measured.
        paths: The steps placed and grouped; None without.
        plane: Both directions of every pair of steps; None without.
        findings: Effects with intervals and controls; None without.
        labels: How often neighbours share a label; None without labels.
        control: The same of random weights; None without.
        measures: Measures side by side; None with one measure.
        descriptions: Every step by itself; None where not asked for.
        verdicts: The claims with their answers; None without.
        flags: Steps that warnings are about.
        config: Text of the configuration that made the study; empty where it is not known.
    """

    results: xr.Dataset
    smoothness: xr.Dataset
    between: xr.Dataset | None
    facts: StudyFacts
    colours: Mapping[str, str]
    measure: MeasuredBy
    information: xr.Dataset | None = None
    paths: xr.Dataset | None = None
    plane: xr.Dataset | None = None
    findings: xr.Dataset | None = None
    labels: xr.Dataset | None = None
    control: Control | None = None
    measures: xr.Dataset | None = None
    descriptions: xr.Dataset | None = None
    verdicts: xr.Dataset | None = None
    flags: Flags = NO_FLAGS
    config: str = ""

    @property
    def models(self) -> list[str]:
        """Names of the models, in the order of the study."""
        return [model.name for model in self.facts.models]

    def place(self, model: object) -> int:
        """Place of a model in that order."""
        return self.models.index(str(model))


def per_k(ks: Sequence[int], content: Callable[[int], Markup]) -> Markup:
    """One block per k, of which the page shows the chosen one."""
    return joined(*(tag("div", content(k), data_k=place, hidden=place > 0) for place, k in enumerate(ks)))
