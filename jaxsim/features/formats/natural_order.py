"""Names in the order in which people count: layer2 before layer10."""

import re
from collections.abc import Iterable

_DIGITS = re.compile(r"([0-9]+)")


def natural_order(names: Iterable[str]) -> list[str]:
    """Names sorted by their texts and the numbers in them.

    Example:
        >>> natural_order(["layer10", "layer2", "embed"])
        ['embed', 'layer2', 'layer10']
    """
    return sorted(names, key=lambda name: [int(part) if place % 2 else part for place, part in enumerate(_parts(name))])


def _parts(name: str) -> list[str]:
    # A number of thousands of digits is no number that Python reads.
    return [part[-4000:] if place % 2 else part for place, part in enumerate(_DIGITS.split(name))]
