"""Tables as LaTeX."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from jaxsim.arguments import check_choice, check_count

_ESCAPED = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def as_latex(table: pd.DataFrame, columns: Sequence[str] | None = None, *, digits: int = 3) -> str:
    r"""A table as a `tabular` with the rules of booktabs; numbers are set to the right.

    Args:
        table: The table.
        columns: Those to take, in this order; None takes all.
        digits: Of numbers that are not whole, after the point.

    Raises:
        ValueError: If there is no such column.

    Example:
        >>> print(as_latex(pd.DataFrame({"model": ["a_b"], "N": [10], "mean": [0.5]}), digits=2))
        \begin{tabular}{lrr}
        \toprule
        model & N & mean \\
        \midrule
        a\_b & 10 & 0.50 \\
        \bottomrule
        \end{tabular}
    """
    digits = check_count("digits", digits, 0, most=20)
    names = [str(name) for name in table.columns]
    chosen = names if columns is None else [check_choice("columns", name, names) for name in columns]
    numeric = [pd.api.types.is_numeric_dtype(table[name]) and table[name].dtype != bool for name in chosen]
    lines = [
        rf"\begin{{tabular}}{{{''.join('r' if each else 'l' for each in numeric)}}}",
        r"\toprule",
        " & ".join(map(latex_text, chosen)) + r" \\",
        r"\midrule",
        *(" & ".join(_cell(value, digits) for value in row) + r" \\" for row in table[chosen].itertuples(index=False)),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)


def latex_text(text: str) -> str:
    r"""A text in which nothing means anything to LaTeX.

    Example:
        >>> latex_text("_bn1 100%")
        '\\_bn1 100\\%'
    """
    return "".join(_ESCAPED.get(each, each) for each in text)


def _cell(value: Any, digits: int) -> str:
    if isinstance(value, float):
        return f"${value:.{digits}f}$" if value < 0 else f"{value:.{digits}f}" if math.isfinite(value) else "--"
    return latex_text(str(value))
