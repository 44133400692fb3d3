"""A processing step: its name, its place in the model and the meaning of its axes."""

from __future__ import annotations

import dataclasses
from typing import Any

import flax.struct
from jaxtyping import Array, Float


@dataclasses.dataclass(frozen=True)
class Tokens:
    """A state `[B, T, C]`: leading tokens with a role, then the patches, row-major.

    Attributes:
        prefix: Role of each leading token in order (`"cls"`, `"distillation"`, `"register"`, ...).
        grid: Rows and columns of the patches that follow.

    Example:
        >>> Tokens(prefix=("cls",), grid=(14, 14)).n_tokens
        197
    """

    prefix: tuple[str, ...]
    grid: tuple[int, int]

    @property
    def n_tokens(self) -> int:
        """Length of the token axis."""
        return len(self.prefix) + self.grid[0] * self.grid[1]


@dataclasses.dataclass(frozen=True)
class Map:
    """A state `[B, H, W, C]`.

    Attributes:
        grid: H and W.

    Example:
        >>> Map(grid=(7, 7))
        Map(grid=(7, 7))
    """

    grid: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Vector:
    """A state `[B, C]`.

    Example:
        >>> Vector()
        Vector()
    """


Layout = Tokens | Map | Vector


@dataclasses.dataclass(frozen=True)
class Step:
    """One processing step of a model.

    Attributes:
        name: Stable and readable: `"embeddings"`, `"block03"`, `"stage2.block0"`, `"norm"`.
        kind: `"embeddings"`, `"stem"`, `"block"`, `"stage"`, `"norm"`, ...
        depth: Relative depth l / (L - 1), from 0 to 1 (0 for a model with one step).
        layout: The meaning of the state's axes.
        n_features: Size of the last axis, C.

    Example:
        >>> Step("block00", "block", 0.5, Tokens(("cls",), (2, 2)), 8).name
        'block00'
    """

    name: str
    kind: str
    depth: float
    layout: Layout
    n_features: int


@dataclasses.dataclass(frozen=True)
class RecordedState:
    """What a module says about a state when it records it.

    Attributes:
        name: The step's name under `granularity="block"`.
        kind: See `Step`.
        layout: The meaning of the axes.
        block: Whether it is a step under `granularity="block"`.
        hidden: Whether it is the next entry of Hugging Face's `hidden_states`.
    """

    name: str
    kind: str
    layout: Layout
    block: bool
    hidden: bool


@flax.struct.dataclass
class Recording:
    """What a family's module returns: a pytree with every state and output, in order of execution.

    The descriptions are static, so `jax.eval_shape` and `jax.jit` keep them.

    Attributes:
        states: The arrays (or what a tree transformation made of them), one for each of `descriptions`.
        outputs: The arrays of `output_names` (`last_hidden_state`, `pooler_output`, `logits`).
        descriptions: What each state is.
        output_names: Names of the outputs.
    """

    states: tuple[Any, ...]
    outputs: tuple[Any, ...]
    descriptions: tuple[RecordedState, ...] = flax.struct.field(pytree_node=False)
    output_names: tuple[str, ...] = flax.struct.field(pytree_node=False)


class Recorder:
    """Collects the states of one forward pass inside a module's `__call__`.

    Example:
        >>> import jax.numpy as jnp
        >>> recorder = Recorder()
        >>> x = recorder.add("stem", jnp.zeros((1, 4, 4, 8)), Map((4, 4)), kind="stem", hidden=True)
        >>> recorder.finish().descriptions[0].name
        'stem'
    """

    def __init__(self) -> None:
        self._states: list[Array] = []
        self._descriptions: list[RecordedState] = []
        self._outputs: dict[str, Array] = {}

    def add(
        self,
        name: str,
        state: Float[Array, "..."],
        layout: Layout,
        *,
        kind: str,
        block: bool = True,
        hidden: bool = False,
    ) -> Array:
        """Records `state` and returns it unchanged.

        Args:
            name: Unique step name.
            state: `[B, T, C]`, `[B, H, W, C]` or `[B, C]`, as `layout` says.
            layout: The meaning of the axes.
            kind: See `Step`.
            block: False for a state that exists only in Hugging Face's counting (Swin after merging).
            hidden: True if it is the next entry of Hugging Face's `hidden_states`.

        Raises:
            ValueError: The shape contradicts the layout, or the name was recorded before.
        """
        fits = {
            Tokens: lambda lay: state.ndim == 3 and state.shape[1] == lay.n_tokens,
            Map: lambda lay: state.ndim == 4 and state.shape[1:3] == lay.grid,
            Vector: lambda lay: state.ndim == 2,
        }[type(layout)](layout)
        if not fits:
            raise ValueError(f"state {name!r}: layout {layout} does not describe shape {state.shape}")
        if any(name == known.name for known in self._descriptions):
            raise ValueError(f"state {name!r} is recorded twice; every step needs its own name")
        self._states.append(state)
        self._descriptions.append(RecordedState(name, kind, layout, block, hidden))
        return state

    def output(self, name: str, value: Array) -> None:
        """Records an output: `last_hidden_state`, `pooler_output` or `logits`."""
        self._outputs[name] = value

    def finish(self) -> Recording:
        """Returns everything recorded."""
        return Recording(
            tuple(self._states),
            tuple(self._outputs.values()),
            tuple(self._descriptions),
            tuple(self._outputs),
        )
