"""Which configurations of a family are compared with the original every day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest


def first_every_day(cases: Mapping[str, Any]) -> list[Any]:
    """Parameters by name: the first every day, in a program that is optimised as users' are; the others `-m slow`.

    Args:
        cases: name -> the value of the one argument, or a tuple of those of several.
    """
    marks = [pytest.mark.optimised, *[pytest.mark.slow] * (len(cases) - 1)]
    return [
        pytest.param(*(values if isinstance(values, tuple) else (values,)), id=name, marks=mark)
        for (name, values), mark in zip(cases.items(), marks, strict=True)
    ]
