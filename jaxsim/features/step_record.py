"""What is kept about a step beside its features."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from jaxsim.features.pooling import pooled_width
from jaxsim.features.pools import parse_pools
from jaxsim.models import Step, Vector


@dataclass(frozen=True)
class StepRecord:
    """A step of a model and the width of its pooled representation.

    Attributes:
        name: of the step, unique in the model.
        kind: `"embeddings"`, `"block"`, `"norm"`, ...
        depth: relative depth, 0..1.
        grid: rows and columns of the patches or the map; None for a vector.
        channels: size of the state's last axis.
        n_features: width after pooling.
    """

    name: str
    kind: str
    depth: float
    grid: tuple[int, int] | None
    channels: int
    n_features: int

    @classmethod
    def of(cls, step: Step, pool: str) -> "StepRecord":
        """Return the record of a step under a pool.

        Example:
            >>> from jaxsim.models import Map
            >>> StepRecord.of(Step("stem", "stem", 0.0, Map((4, 4)), 8), "spatial:2").n_features
            32
        """
        grid = None if isinstance(step.layout, Vector) else step.layout.grid
        width = pooled_width(step.layout, step.n_features, pool)
        return cls(step.name, step.kind, step.depth, grid, step.n_features, width)

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON object."""
        return asdict(self) | {"grid": None if self.grid is None else list(self.grid)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "StepRecord":
        """Return the record from a JSON object."""
        fields = dict(value)
        if fields["grid"] is not None:
            fields["grid"] = tuple(fields["grid"])
        return cls(**fields)


def step_records(steps: Sequence[Step], pool: str) -> tuple[StepRecord, ...]:
    """Return the records of all steps under a pool.

    Under several each step has a record for each, named "step:pool", in the order of the steps.

    Example:
        >>> from jaxsim.models import Map
        >>> [each.name for each in step_records([Step("stem", "stem", 0.0, Map((4, 4)), 8)], "mean,max")]
        ['stem:mean', 'stem:max']
    """
    pools = parse_pools(pool)
    if len(pools) == 1:
        return tuple(StepRecord.of(step, pool) for step in steps)
    return tuple(
        replace(StepRecord.of(step, str(each)), name=f"{step.name}:{each}") for step in steps for each in pools
    )
