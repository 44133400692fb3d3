"""Records and numbers in words, for the terminal and the report."""

import json
from typing import Any


def one_line(line: dict[str, Any]) -> str:
    """A record on one line of the terminal.

    Example:
        >>> one_line({"command": "floor", "key": {"k": [1]}, "timings": {"gram": {"median": 0.5}}})
        'floor k=1 | gram 0.5 s'
    """
    key = " ".join(f"{name}={plain(value)}" for name, value in line["key"].items() if value is not None)
    parts = [f"{line['command']} {key}"]
    ratios = line.get("ratios", {})
    for name, timing in line.get("timings", {}).items():
        over = f" (x {ratios[name]['of_medians']:.2f})" if name in ratios else ""
        parts.append(f"{name} {seconds(timing['median'])}{over}")
    parts += [f"{name}={plain(value)}" for name, value in line.get("found", {}).items()]
    if line.get("reach") is not None:
        parts.append(f"to reach {line['reach']}: {'yes' if line['reached'] else 'NO'}")
    if line.get("absent"):
        parts.append(f"ABSENT: {line['absent']}")
    return " | ".join(parts)


def seconds(value: float) -> str:
    """Seconds in a unit that reads well.

    Example:
        >>> seconds(0.5), seconds(0.0012), seconds(7200), seconds(86400 * 3)
        ('0.5 s', '1.2 ms', '2 h', '3 d')
    """
    for factor, unit, least in ((86400, "d", 2 * 86400), (3600, "h", 7200), (60, "min", 600), (1, "s", 0.1)):
        if value >= least:
            return f"{value / factor:.3g} {unit}"
    return f"{value * 1e3:.3g} ms" if value >= 1e-4 else f"{value * 1e6:.3g} us"


def n_bytes(value: float) -> str:
    """Bytes in a binary unit.

    Example:
        >>> n_bytes(1536 * 2**20)
        '1.5 GiB'
    """
    for unit in ("B", "KiB", "MiB"):
        if abs(value) < 1024:
            return f"{value:.3g} {unit}"
        value /= 1024
    return f"{value:.3g} GiB"


def plain(value: Any) -> str:
    """A JSON value without brackets where none are needed.

    Example:
        >>> plain([1, 3]), plain(0.12345), plain("one-pass")
        ('1,3', '0.123', 'one-pass')
    """
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list) and all(isinstance(v, int) for v in value):
        return runs_of(value) if len(value) > 6 else ",".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


def runs_of(values: list[int]) -> str:
    """Repeated numbers counted, for layer widths.

    Example:
        >>> runs_of([64, 256, 256])
        '64+2x256'
    """
    groups: list[list[int]] = []
    for value in values:
        if groups and groups[-1][0] == value:
            groups[-1][1] += 1
        else:
            groups.append([value, 1])
    return "+".join(str(v) if count == 1 else f"{count}x{v}" for v, count in groups)
