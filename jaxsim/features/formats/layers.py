"""Which arrays of a file are layers, and what becomes of the others."""

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxsim.arguments import shown
from jaxsim.features.formats.contents import Contents
from jaxsim.rows import LazyRows
from jaxsim.wording import counted

_MOST_NAMES = 8


def choose_layers(contents: Contents, wanted: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The layers of a file.

    Args:
        contents: Of the file.
        wanted: None for every array `[n_samples, n_features]`; a glob or several, for those that match; or a mapping
            from the name of a layer to one or several globs, whose arrays and columns are put side by side.

    Returns:
        Name -> layer with `shape`, `dtype` and row slices; and name -> why it is none, of the arrays left out.

    Raises:
        ValueError: If nothing matches, an array has other axes than samples and features, or numbers of rows differ.
    """
    if wanted is None:
        layers = {name: x for name, x in contents.arrays.items() if len(x.shape) == 2 and _is_real(x)}
        left_out = {name: _why_none(x) for name, x in contents.arrays.items() if name not in layers}
        if not layers:
            raise ValueError(_no_layer(contents))
    elif isinstance(wanted, Mapping):
        layers, left_out = {str(name): _joined(contents, str(name), globs) for name, globs in wanted.items()}, {}
    else:
        chosen = [name for glob in _globs(wanted) for name in _matching(contents, glob)]
        layers, left_out = {name: _as_layer(contents, name) for name in dict.fromkeys(chosen)}, {}
    if not layers:
        raise ValueError(f"expected at least one layer of {contents.source}, got layers={shown(wanted)}")
    for name, x in layers.items():
        if 0 in x.shape:
            raise ValueError(f"the layer {name!r} of {contents.source} is empty: shape {list(x.shape)}")
    (first, reference), *others = layers.items()
    odd = next((name for name, x in others if x.shape[0] != reference.shape[0]), None)
    if odd is not None:
        raise ValueError(
            f"expected layers of the same samples in {contents.source}, but {first!r} has "
            f"{counted(reference.shape[0], 'row')} and {odd!r} has {layers[odd].shape[0]}; name those that belong "
            "together, layers="
        )
    return layers, left_out


def _matching(contents: Contents, glob: str) -> list[str]:
    names = [*contents.arrays, *contents.columns]
    found = [glob] if glob in names else [name for name in names if fnmatch.fnmatchcase(name, glob)]
    if not found:
        raise ValueError(f"no array of {contents.source} is called {glob!r}: it holds {_listed(names)}")
    return found


def _as_layer(contents: Contents, name: str) -> Any:
    x = contents.arrays[name] if name in contents.arrays else contents.columns[name]
    if not _is_real(x) or len(x.shape) not in (1, 2):
        raise ValueError(f"{name!r} of {contents.source} is no layer: {_why_none(x)}")
    if len(x.shape) == 2:
        return x
    return LazyRows(lambda start, stop: np.asarray(x[start:stop])[:, None], (x.shape[0], 1), x.dtype)


def _joined(contents: Contents, layer: str, globs: Any) -> Any:
    names = list(dict.fromkeys(name for glob in _globs(globs) for name in _matching(contents, glob)))
    parts = [_as_layer(contents, name) for name in names]
    if len(parts) == 1:
        return parts[0]
    odd = next((place for place, part in enumerate(parts) if part.shape[0] != parts[0].shape[0]), None)
    if odd is not None:
        raise ValueError(
            f"expected what makes the layer {layer!r} to have the same rows, but {names[0]!r} has {parts[0].shape[0]} "
            f"and {names[odd]!r} has {parts[odd].shape[0]}"
        )
    dtype = np.result_type(*(part.dtype for part in parts))
    return LazyRows(
        lambda start, stop: np.concatenate([np.asarray(part[start:stop]) for part in parts], axis=1).astype(dtype),
        (parts[0].shape[0], sum(part.shape[1] for part in parts)),
        dtype,
    )


def _globs(wanted: Any) -> list[str]:
    globs = [wanted] if isinstance(wanted, str) else list(wanted) if isinstance(wanted, Sequence) else [wanted]
    if not globs or not all(isinstance(each, str) and each for each in globs):
        raise ValueError(
            "expected layers as a glob ('layer*'), several, or a mapping from a name to globs ({'embedding': 'x_*'}), "
            f"got {shown(wanted)}"
        )
    return globs


def _is_real(x: Any) -> bool:
    # bfloat16 and its kin are of kind "V" for NumPy, as structured arrays are.
    dtype = np.dtype(x.dtype)
    return dtype.kind in "fiub" or (dtype.kind == "V" and dtype.names is None and dtype.name != "void")


def _why_none(x: Any) -> str:
    if not _is_real(x):
        return f"it holds {x.dtype}, not real numbers"
    if len(x.shape) == 1:
        return "it has one number for each sample; name it in layers= to measure it"
    return f"its shape is {list(x.shape)}: pool or reshape it to [n_samples, n_features]"


def _no_layer(contents: Contents) -> str:
    said = f"expected an array [n_samples, n_features] in {contents.source} ({contents.kind}), got "
    if contents.arrays:
        name, x = next(iter(contents.arrays.items()))
        return f"{said}none: {name!r} is no layer: {_why_none(x)}"
    if contents.columns:
        return (
            f"{said}columns of single numbers ({_listed(list(contents.columns))}): say which make a layer, such as "
            "layers={'embedding': 'x_*'}"
        )
    return f"{said}no array of numbers"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(map(repr, names[:_MOST_NAMES])) + more if names else "nothing"
