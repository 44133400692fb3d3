"""The labels of an all-pairs imbalance: which row belongs to which step of which model.

Everything here that reads an imbalance reads it through these labels, so a result that was computed
here, loaded from a file or put together by hand from one's own arrays is treated alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

#: The coordinates every labelled imbalance carries next to `source` and `target`.
REQUIRED = ("source_model", "source_step", "source_depth")


@dataclass(frozen=True)
class StepLabel:
    """What one row and column of an all-pairs imbalance stands for.

    Attributes:
        model: Name of the model, unique within a study.
        step: Name of the processing step, unique within its model.
        depth: Relative depth of the step, from 0 (first) to 1 (last).
        kind: Kind of step: "embeddings", "stem", "block", "stage", "norm", ...
        grid: Height and width of the patches or the feature map, None where the step has no spatial layout.
        channels: Size of the state's last axis (channels, or values per token); 0 where it is not known.
        constant: Whether the step is the same for all images, as `jaxsim.metrics.is_constant` has it. Such a step says
            nothing of the images: it is left out of all that is derived from an imbalance.
    """

    model: str
    step: str
    depth: float
    kind: str = "block"
    grid: tuple[int, int] | None = None
    channels: int = 0
    constant: bool = False

    @property
    def label(self) -> str:
        """The row's label, "model/step"."""
        return f"{self.model}/{self.step}"


@dataclass(frozen=True)
class ModelSteps:
    """Where one model's steps stand in a labelled imbalance, in processing order; constant steps are left out.

    Attributes:
        name: The model.
        positions: Rows of its steps, int `[n_steps]`; none where all of them are constant.
        steps: Names of the steps.
        depths: Relative depths, float `[n_steps]`.
        grids: "14x14" or "" per step.
        channels: Size of the state's last axis per step, 0 where unknown.
    """

    name: str
    positions: np.ndarray
    steps: tuple[str, ...]
    depths: np.ndarray
    grids: tuple[str, ...]
    channels: tuple[int, ...]

    def nearest(self, t: float) -> int:
        """Index of the model's step nearest to relative depth `t`, of two equally near ones the earlier.

        Of a model without steps there is none, so this must not be asked for it.
        """
        # Rounded, so that 0.5 - 0.25 and 0.75 - 0.5 tie whatever the last bit of l / (L - 1) says.
        return int(np.argmin(np.round(np.abs(self.depths - t), 9)))


def label_imbalance(
    values: Float[np.ndarray, "*k layers layers"],
    labels: Sequence[StepLabel],
    *,
    k: int | Sequence[int] = 1,
    standard_error: Float[np.ndarray, "*k layers layers"] | None = None,
    n_samples: int | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Puts labels on an all-pairs information imbalance.

    Args:
        values: Imbalances `[layers, layers]`, or `[n_k, layers, layers]` for several k; `values[..., a, b]`
            is Delta(a -> b).
        labels: One `StepLabel` per layer, in the order of the rows; each model's steps in processing order.
        k: The numbers of neighbours that `values` was computed with, one per leading entry.
        standard_error: Same shape as `values`; NaN everywhere when left out.
        n_samples: Number of samples N, for the floor (k + 1) / N; the floor is NaN when left out.
        attrs: Attributes of the dataset.

    Returns:
        Dataset with dims `k`, `source`, `target` and variables `imbalance` and `standard_error`.

    Raises:
        ValueError: If shapes and labels do not fit together or labels are not unique.

    Example:
        >>> import numpy as np
        >>> labels = [StepLabel("vit", "embeddings", 0.0), StepLabel("vit", "block00", 1.0)]
        >>> results = label_imbalance(np.array([[0.1, 0.4], [0.3, 0.1]]), labels, n_samples=20)
        >>> results.imbalance.sel(k=1, source="vit/embeddings", target="vit/block00").item()
        0.4
    """
    ks = (k,) if isinstance(k, int) else tuple(int(each) for each in k)
    shape = (len(ks), len(labels), len(labels))
    values = values if values.ndim == 3 else values[None]
    if standard_error is None:
        standard_error = np.full(shape, np.nan)
    standard_error = standard_error if standard_error.ndim == 3 else standard_error[None]
    for name, array in (("values", values), ("standard_error", standard_error)):
        if array.shape != shape:
            raise ValueError(
                f"expected {name} of shape {shape} for {len(ks)} k and {len(labels)} labels, "
                f"got {array.shape}; give one label per layer and one k per leading entry"
            )
    names = [label.label for label in labels]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"labels must be unique, but {repeated[0]!r} comes more than once; rename the model or the step"
        )

    coords: dict[str, Any] = {"k": ("k", np.array(ks, dtype=np.int64))}
    floor = [(each + 1) / n_samples if n_samples else np.nan for each in ks]
    coords["floor"] = ("k", np.array(floor, dtype=np.float64))
    for side in ("source", "target"):
        coords[side] = (side, np.array(names, dtype=object))
        coords[f"{side}_model"] = (side, np.array([label.model for label in labels], dtype=object))
        coords[f"{side}_step"] = (side, np.array([label.step for label in labels], dtype=object))
        coords[f"{side}_kind"] = (side, np.array([label.kind for label in labels], dtype=object))
        coords[f"{side}_depth"] = (side, np.array([label.depth for label in labels], dtype=np.float64))
        grids = ["x".join(map(str, label.grid)) if label.grid else "" for label in labels]
        coords[f"{side}_grid"] = (side, np.array(grids, dtype=object))
        coords[f"{side}_channels"] = (
            side,
            np.array([label.channels for label in labels], dtype=np.int64),
        )
        coords[f"{side}_constant"] = (side, np.array([label.constant for label in labels], dtype=bool))
    dims = ("k", "source", "target")
    return xr.Dataset(
        {
            "imbalance": (dims, np.asarray(values, np.float64)),
            "standard_error": (dims, np.asarray(standard_error, np.float64)),
        },
        coords=coords,
        attrs=dict(attrs or {}),
    )


def read_labels(imbalance: xr.DataArray) -> tuple[xr.DataArray, tuple[ModelSteps, ...]]:
    """Checks a labelled imbalance and finds every model's steps in it.

    Args:
        imbalance: Dims `source` and `target`, and `k` or none, with the coordinates of `label_imbalance`.
            `source_grid`, `source_channels` and `source_constant` may be missing.

    Returns:
        The imbalance with dims `(k, source, target)` and columns in the order of the rows, and the models in
        the order in which they appear, each with its steps that are not constant.

    Raises:
        ValueError: If a dimension or a coordinate is missing, or rows and columns name different steps.
    """
    missing = [dim for dim in ("source", "target") if dim not in imbalance.dims]
    missing += [
        name for name in ("source", "target", *REQUIRED) if name not in imbalance.coords and name not in missing
    ]
    if missing:
        raise ValueError(
            "expected a labelled imbalance with dims source and target and the coordinates "
            f"{', '.join(REQUIRED)}; missing: {', '.join(missing)}; "
            "label plain arrays with jaxsim.study.label_imbalance"
        )
    if "k" not in imbalance.dims:
        imbalance = imbalance.expand_dims(k=[int(imbalance.coords["k"]) if "k" in imbalance.coords else 1])
    if imbalance.sizes["source"] == 0:
        raise ValueError("expected an imbalance of at least one step, got none; select fewer steps away")
    sources = [str(name) for name in imbalance["source"].values]
    targets = [str(name) for name in imbalance["target"].values]
    if set(sources) != set(targets) or len(set(sources)) != len(sources) or len(targets) != len(sources):
        odd = sorted(set(sources) ^ set(targets)) or sources
        raise ValueError(
            f"expected the same unique steps as source and as target, but {odd[0]!r} is not once in each; "
            "select the same steps along both dims"
        )
    if sources != targets:
        imbalance = imbalance.sel(target=imbalance["source"].values)
    imbalance = imbalance.transpose("k", "source", "target")

    owners = [str(name) for name in imbalance["source_model"].values]
    steps = [str(name) for name in imbalance["source_step"].values]
    depths = np.asarray(imbalance["source_depth"].values, np.float64)
    grids = (
        [str(g) for g in imbalance["source_grid"].values] if "source_grid" in imbalance.coords else [""] * len(steps)
    )
    channels = (
        [int(w) for w in imbalance["source_channels"].values]
        if "source_channels" in imbalance.coords
        else [0] * len(steps)
    )
    constant = constant_steps_of(imbalance, "source")
    models = []
    for name in dict.fromkeys(owners):
        own = [i for i, owner in enumerate(owners) if owner == name and not constant[i]]
        positions = np.array(own, dtype=np.int64)
        if np.any(np.diff(depths[positions]) < 0):
            raise ValueError(
                f"expected the steps of {name!r} in processing order, but their depths decrease: "
                f"{depths[positions].round(3).tolist()}; sort them by depth along both dims"
            )
        models.append(
            ModelSteps(
                name=name,
                positions=positions,
                steps=tuple(steps[i] for i in positions),
                depths=depths[positions],
                grids=tuple(grids[i] for i in positions),
                channels=tuple(channels[i] for i in positions),
            )
        )
    return imbalance, tuple(models)


def step_coordinates(labels: Sequence[StepLabel]) -> dict[str, tuple[str, np.ndarray]]:
    """The coordinates of steps along `step`.

    Example:
        >>> list(step_coordinates([StepLabel("m", "a", 0.0)]))
        ['step', 'model', 'step_name', 'kind', 'depth', 'step_constant']
    """
    of = {
        "step": ("label", object),
        "model": ("model", object),
        "step_name": ("step", object),
        "kind": ("kind", object),
        "depth": ("depth", np.float64),
        "step_constant": ("constant", bool),
    }
    return {
        name: ("step", np.array([getattr(label, field) for label in labels], dtype=dtype))
        for name, (field, dtype) in of.items()
    }


def constant_steps_of(labelled: xr.DataArray | xr.Dataset, dim: str) -> Bool[np.ndarray, " steps"]:
    """Which steps along `dim` ("source", "target" or "step") are marked as constant; none in results without the mark.

    Example:
        >>> labels = [StepLabel("m", "a", 0.0, constant=True), StepLabel("m", "b", 1.0)]
        >>> constant_steps_of(label_imbalance(np.zeros((2, 2)), labels), "target").tolist()
        [True, False]
    """
    name = f"{dim}_constant"
    if name not in labelled.coords:
        return np.zeros(labelled.sizes[dim], bool)
    return np.asarray(labelled[name].values, bool)


def informative(imbalance: xr.DataArray) -> xr.DataArray:
    """The imbalance, as `read_labels` returned it, without the rows and columns of constant steps."""
    kept = np.flatnonzero(~constant_steps_of(imbalance, "source"))
    return imbalance.isel(source=kept, target=kept)


def matching_error(imbalance: xr.DataArray, standard_error: xr.DataArray | None) -> np.ndarray:
    """Standard errors in the layout of `imbalance` (as `read_labels` returned it), NaN where none are given.

    Args:
        imbalance: Dims `(k, source, target)`.
        standard_error: Labelled like the imbalance, or None.

    Returns:
        Float `[n_k, n_steps, n_steps]`.

    Raises:
        ValueError: If the errors are labelled otherwise than the imbalance.
    """
    if standard_error is None:
        return np.full(imbalance.shape, np.nan)
    if "k" not in standard_error.dims:
        standard_error = standard_error.expand_dims(k=imbalance["k"].values[:1])
    try:
        chosen = standard_error.sel({dim: imbalance[dim].values for dim in ("k", "source", "target")})
    except KeyError as error:
        raise ValueError(
            f"expected standard errors labelled like the imbalance, but {error.args[0]}; "
            "take both from the same results"
        ) from error
    return np.asarray(chosen.transpose("k", "source", "target").values, np.float64)
