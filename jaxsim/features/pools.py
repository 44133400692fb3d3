"""What poolings there are, and how they are written."""

from dataclasses import dataclass

from jaxsim.arguments import shown, whole_number

POOLS = ("cls", "mean", "max", "flatten", "spatial:P", "last:N", "project:D", "tokens:K")

# Kind -> largest number that may follow it: more than models have positions would only repeat them.
_PLAIN = ("cls", "mean", "max", "flatten")
_MOST = {"spatial": 1024, "last": 4096, "project": 1 << 20, "tokens": 4096}


@dataclass(frozen=True)
class Pool:
    """One pooling.

    Attributes:
        kind: `"cls"`, `"mean"`, `"max"`, `"flatten"`, `"spatial"`, `"last"`, `"project"` or `"tokens"`.
        number: what follows the colon; 0 where nothing does.
    """

    kind: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.number}" if self.number else self.kind


def parse_pools(text: str) -> tuple[Pool, ...]:
    """Returns the poolings that a text names, several with commas between them.

    Args:
        text: Such as `"mean"`, `"spatial:4"` or `"cls,mean"`.

    Raises:
        ValueError: An unknown pooling, one that comes twice, or `tokens:K` beside others.

    Example:
        >>> [str(each) for each in parse_pools("cls, spatial:2")]
        ['cls', 'spatial:2']
        >>> parse_pools("median")
        Traceback (most recent call last):
        ...
        ValueError: unknown pool 'median': expected cls, mean, max, flatten, spatial:P, last:N, project:D or tokens:K, \
such as spatial:4, or several as "cls,mean"
    """
    pools = tuple(_parsed(part.strip(), text) for part in text.split(",")) if isinstance(text, str) else ()
    if not pools:
        raise ValueError(_unknown(text))
    if len(set(pools)) != len(pools):
        raise ValueError(f"expected every pool once, got {shown(text)}")
    if len(pools) > 1 and any(pool.kind == "tokens" for pool in pools):
        raise ValueError(
            f"pool {shown(text)}: tokens:K makes several samples of an image and other pools one, so it stands alone"
        )
    return pools


def rows_per_image(text: str) -> int:
    """Returns how many samples an image becomes: K under `tokens:K`, otherwise 1.

    Example:
        >>> rows_per_image("tokens:4"), rows_per_image("cls,mean")
        (4, 1)
    """
    (first, *_) = parse_pools(text)
    return first.number if first.kind == "tokens" else 1


def _parsed(part: str, text: str) -> Pool:
    if part in _PLAIN:
        return Pool(part)
    kind, colon, digits = part.partition(":")
    number = whole_number(digits) if digits.isascii() else None
    if kind not in _MOST or not colon:
        raise ValueError(_unknown(text))
    if number is None or not 1 <= number <= _MOST[kind]:
        raise ValueError(
            f"unknown pool {shown(text)}: expected a whole number of 1 to {_MOST[kind]} after {kind}:, such as {kind}:4"
        )
    return Pool(kind, number)


def _unknown(text: object) -> str:
    listed = f"{', '.join(POOLS[:-1])} or {POOLS[-1]}"
    return f'unknown pool {shown(text)}: expected {listed}, such as spatial:4, or several as "cls,mean"'
