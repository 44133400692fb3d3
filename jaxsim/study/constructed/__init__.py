"""Made-up studies without a model and an image, to try pages and figures on and for examples."""

from jaxsim.study.constructed.further import constructed_findings, constructed_information, constructed_labels
from jaxsim.study.constructed.measures import constructed_descriptions, constructed_measures
from jaxsim.study.constructed.paths import constructed_study

__all__ = [
    "constructed_descriptions",
    "constructed_findings",
    "constructed_information",
    "constructed_labels",
    "constructed_measures",
    "constructed_study",
]
