"""Datasets whose names can be drawn and written: fonts, SVG and UTF-8 take no control characters and no stray bytes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
import xarray as xr

from jaxsim.files import parse_json
from jaxsim.names import printable, printable_json


def with_printable_names(dataset: xr.Dataset | None) -> Any:
    r"""Returns a dataset with all texts printable; one in which they are comes back as it is, None stays None.

    Example:
        >>> with_printable_names(xr.Dataset(coords={"model": ["vit", "caf\udce9"]}))["model"].values.tolist()
        ['vit', 'caf\\xe9']
    """
    if dataset is None:
        return None
    if "models" in dataset.attrs:
        # The models by name: what is not whole here is told where it is read.
        with contextlib.suppress(TypeError, ValueError):
            shown_models = json.dumps(printable_json(parse_json(dataset.attrs["models"])))
            dataset = dataset.assign_attrs(models=shown_models)
    changed = {}
    for name, variable in dataset.variables.items():
        if variable.dtype.kind not in "OU":
            continue
        texts = variable.values.ravel().tolist()
        shown = [printable(text) if isinstance(text, str) else text for text in texts]
        if any(a is not b and a != b for a, b in zip(texts, shown, strict=True)):
            values = np.array(shown, dtype=object).reshape(variable.shape)
            changed[name] = xr.Variable(variable.dims, values, variable.attrs)
    if not changed:
        return dataset
    coords = {name: value for name, value in changed.items() if name in dataset.coords}
    return dataset.assign_coords(coords).assign({name: v for name, v in changed.items() if name not in coords})
