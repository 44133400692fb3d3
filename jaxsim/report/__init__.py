"""Results in, figures and one self-contained HTML page out."""

from jaxsim.report.control import Control
from jaxsim.report.writing import write_report

__all__ = ["Control", "write_report"]
