"""What the axes of a live model's states mean: told by the user, or read off the shape where only one reading fits."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from jaxsim.models.capture.calls import Call
from jaxsim.models.capture.selection import matches
from jaxsim.models.step import Layout, Map, Tokens, Vector
from jaxsim.wording import counted

AXES = ("BHWC", "BCHW", "BTC", "TBC", "BCT", "BC")
_CANONICAL = {4: "BHWC", 3: "BTC", 2: "BC"}
_MOST_PREFIX = 5

Grid = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Reading:
    """How a state is to be read.

    Attributes:
        axes: The model's own, one of `AXES`.
        layout: Of the state with its axes in jaxsim's order.
        n_features: Size of the channel axis.
    """

    axes: str
    layout: Layout
    n_features: int

    @property
    def order(self) -> tuple[int, ...]:
        """The permutation into jaxsim's order."""
        return tuple(self.axes.index(axis) for axis in _CANONICAL[len(self.axes)])


@dataclasses.dataclass(frozen=True)
class LayoutRules:
    """What a user says about layouts.

    Attributes:
        channels_first: Whether maps are `[B, C, H, W]`.
        layouts: Pattern of calls -> axes or layout.
        grid: Rows and columns of the patches of every token state.
        prefix: Roles of the tokens before the patches.
    """

    channels_first: bool
    layouts: Mapping[Any, Any]
    grid: Grid | None
    prefix: tuple[str, ...] | None

    def __post_init__(self) -> None:
        for pattern, rule in self.layouts.items():
            if rule not in AXES and not isinstance(rule, Tokens | Map | Vector):
                raise ValueError(
                    f"layouts[{pattern!r}]: expected axes ({', '.join(AXES)}) or a Tokens, Map or Vector, got {rule!r}"
                )

    def rule(self, call: Call) -> Any:
        """Returns what `layouts` says about a call; None if nothing."""
        return next((rule for pattern, rule in self.layouts.items() if matches(call, pattern)), None)

    def eligible(self, call: Call, batch: int) -> bool:
        """Returns whether a call has one vector, map or row of tokens for each image."""
        if call.shape is None or not call.reachable:
            return False
        if self.rule(call) is not None:
            return True
        return len(call.shape) in _CANONICAL and call.shape[0] == batch


def read_state(
    call: Call, rules: LayoutRules, image_size: Grid, batch: int, grids_before: Sequence[Grid] = ()
) -> Reading:
    """Returns how a state is to be read.

    Args:
        call: With the shape of its state.
        rules: What the user says.
        image_size: (height, width) of the images.
        batch: Their number.
        grids_before: Sizes of the maps in earlier calls, which tell grids of tokens apart.

    Raises:
        ValueError: The state cannot leave a transformation, is no state of single images, or has more than one
            reading or none.
    """
    where = f"step {call.name!r}"
    if not call.reachable:
        raise ValueError(
            f"{where} is called inside a JAX transformation (remat, vmap or a loop that cannot be unrolled), which its "
            "state cannot leave: switch the transformation off, for example remat=False, or choose other steps"
        )
    if call.shape is None:
        raise ValueError(f"{where} returns no floating-point array: choose other steps")
    rule, shape = rules.rule(call), call.shape
    axes = rule if isinstance(rule, str) else _axes(call.name, shape, rule, rules, image_size)
    sizes = dict(zip(axes, shape, strict=False))
    if len(axes) != len(shape) or sizes["B"] != batch:
        raise ValueError(
            f"{where} has the shape {list(shape)} for {counted(batch, 'image')}, which is not one state per image as "
            f"{axes}: say which axes it has, layouts={{{call.name!r}: one of {', '.join(AXES)}}}, or choose other steps"
        )
    if isinstance(rule, Tokens | Map | Vector):
        layout: Layout = rule
    elif "H" in axes:
        layout = Map((sizes["H"], sizes["W"]))
    elif "T" in axes:
        layout = _tokens(where, sizes["T"], rules, image_size, grids_before)
    else:
        layout = Vector()
    _check(where, layout, sizes)
    return Reading(axes, layout, sizes["C"])


def map_grids(calls: Sequence[Call], rules: LayoutRules, batch: int) -> list[list[Grid]]:
    """Returns, for each call, the sizes of the maps that calls before it have returned."""
    seen: list[Grid] = []
    before = []
    for call in calls:
        before.append(list(seen))
        if call.shape is not None and len(call.shape) == 4 and call.shape[0] == batch:
            rows, columns = call.shape[2:] if rules.channels_first else call.shape[1:3]
            seen.append((rows, columns))
    return before


def _axes(name: str, shape: tuple[int, ...], rule: Any, rules: LayoutRules, image_size: Grid) -> str:
    if len(shape) not in _CANONICAL:
        raise ValueError(
            f"step {name!r} has the shape {list(shape)}: "
            "expected 2 (vector), 3 (tokens) or 4 (map) axes; choose other steps"
        )
    if len(shape) != 4:
        return _CANONICAL[len(shape)]
    usual, other = ("BCHW", "BHWC") if rules.channels_first else ("BHWC", "BCHW")
    if isinstance(rule, Map):
        grids = [tuple(shape[axes.index(axis)] for axis in "HW") for axes in (usual, other)]
        return other if grids[0] != rule.grid and grids[1] == rule.grid else usual
    usual_fits, other_fits = (
        _like_image(shape[axes.index("H")], shape[axes.index("W")], image_size) for axes in (usual, other)
    )
    if other_fits and not usual_fits:
        raise ValueError(
            f"step {name!r} has the shape {list(shape)}, which looks like {other} for images of {image_size[0]} x "
            f"{image_size[1]}, while maps of this model are taken as {usual}: say which, "
            f"layouts={{'**': {other!r}}} for all or layouts={{{name!r}: {usual!r}}} for this one"
        )
    return usual


def _like_image(rows: int, columns: int, image_size: Grid) -> bool:
    """Returns whether a map has the image's proportions, but for the rounding of strides."""
    height, width = image_size
    return abs(rows * width - columns * height) <= max(image_size)


def _tokens(where: str, n_tokens: int, rules: LayoutRules, image_size: Grid, grids_before: Sequence[Grid]) -> Tokens:
    height, width = image_size
    if rules.grid is not None:
        candidates = {rules.grid}
    else:
        # Square patches that tile the image, and any map that an earlier call (the patch embedding) returned.
        candidates = {
            (height // edge, width // edge)
            for edge in range(1, min(image_size) + 1)
            if height % edge == 0 and width % edge == 0
        }
        candidates |= set(grids_before)
    most = _MOST_PREFIX if rules.prefix is None and rules.grid is None else n_tokens
    fitting = [g for g in candidates if 0 <= n_tokens - g[0] * g[1] <= most and g[0] * g[1] > 1]
    if rules.prefix is not None:
        fitting = [g for g in fitting if n_tokens - g[0] * g[1] == len(rules.prefix)]
    if len(fitting) > 1:
        fitting = [g for g in fitting if g in grids_before] or fitting
    if len(fitting) != 1:
        readings = [f"{n_tokens - r * c} + {r} x {c}" for r, c in sorted(fitting)]
        why = f"which can be {' or '.join(readings)}" if readings else "which is no grid of patches that fits the image"
        raise ValueError(
            f"{where} has {n_tokens} tokens for images of {height} x {width}, {why}: pass grid=(rows, columns), "
            "prefix=(role of each leading token, ...), or layouts={name: Tokens(prefix, grid)}"
        )
    ((rows, columns),) = fitting
    n_prefix = n_tokens - rows * columns
    return Tokens(rules.prefix or tuple(f"token{i}" for i in range(n_prefix)), (rows, columns))


def _check(where: str, layout: Layout, sizes: Mapping[str, int]) -> None:
    fits = {
        Tokens: lambda lay: sizes.get("T") == lay.n_tokens,
        Map: lambda lay: (sizes.get("H"), sizes.get("W")) == lay.grid,
        Vector: lambda lay: set(sizes) == {"B", "C"},
    }[type(layout)](layout)
    if not fits:
        raise ValueError(f"{where}: the layout {layout} given for it does not describe its sizes {dict(sizes)}")
