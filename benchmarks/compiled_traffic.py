"""Bytes that a compiled program moves to and from a device's memory, loops counted as often as they run.

The compiler's own count takes every loop for one turn. Here the optimised program is read as text: operands and
results of every step, of slices what is sliced, and nothing that stays in the chip's own memory.
"""

import math
import re
from dataclasses import dataclass, field

_BYTES = {"pred": 1, "s8": 1, "u8": 1, "s16": 2, "u16": 2, "bf16": 2, "f16": 2, "s64": 8, "u64": 8, "f64": 8}
_ARRAY = re.compile(r"\b([a-z]+\d*)\[([\d,]*)\](?:\{([^}]*)\})?")
_FREE = {
    "after-all", "bitcast", "constant", "get-tuple-element", "opt-barrier", "parameter", "partition-id", "tuple",
    "copy-done", "slice-done", "async-done", "async-update", "all-reduce-done", "all-gather-done",
}  # fmt: skip
_SLICES = {"dynamic-slice", "gather", "slice"}
_IN_PLACE = {"dynamic-update-slice": 1, "scatter": 2}
"""Operations that change some of their first operand, and which operand says how much."""


@dataclass(frozen=True)
class Step:
    """An instruction.

    Attributes:
        name: Of its result.
        kind: Of its result, as text.
        operation: Its name.
        operands: Names of its operands.
        rest: Whatever follows the operands.
        is_result: Whether it is the result of its computation.
    """

    name: str
    kind: str
    operation: str
    operands: tuple[str, ...]
    rest: str
    is_result: bool


@dataclass(frozen=True)
class Traffic:
    """What a program moves.

    Attributes:
        total: Bytes to and from the device's memory.
        in_later_turns: Bytes of these that loops move after their first turn.
        loops: Turns of every loop; None where the program does not say.
    """

    total: int
    in_later_turns: int = 0
    loops: list[int | None] = field(default_factory=list)


def traffic(text: str) -> Traffic:
    r"""Read an optimised program.

    Args:
        text: As `compiled.as_text()` gives it.

    Returns:
        What it moves.

    Example:
        >>> traffic("ENTRY %main (a: f32[2]) -> f32[2] {\n  %a = f32[2]{0} parameter(0)\n"
        ...         "  ROOT %b = f32[2]{0} negate(%a)\n}").total
        16
    """
    computations, entry = _computations(text)
    return _of(computations, entry)


def _of(computations: dict[str, dict[str, Step]], name: str) -> Traffic:
    total, later, loops = 0, 0, []
    steps = computations[name]
    for step in steps.values():
        if step.operation in _FREE:
            continue
        if step.operation == "while":
            body = _of(computations, _named(step, "body"))
            turns = _turns(computations, step)
            total += body.total * (turns or 1)
            later += body.in_later_turns * (turns or 1) + body.total * ((turns or 1) - 1)
            loops += [turns, *body.loops]
        elif step.operation in ("conditional", "call"):
            inside = [_of(computations, called) for called in _called(step)]
            most = max(inside, key=lambda each: each.total)
            total, later, loops = total + most.total, later + most.in_later_turns, [*loops, *most.loops]
        else:
            total += _moved(computations, steps, step)
    return Traffic(total, later, loops)


def _moved(computations: dict[str, dict[str, Step]], steps: dict[str, Step], step: Step) -> int:
    kinds = [steps[name].kind if name in steps else "" for name in step.operands]
    if step.operation in _SLICES:
        return 2 * _size(step.kind)
    if step.operation == "dynamic-update-slice":
        return 2 * _size(kinds[1])
    if step.operation in ("copy-start", "slice-start", "async-start"):
        # The result names the target and, once more, the source.
        return _size(_first(step.kind)) + sum(map(_size, kinds))
    if step.operation != "fusion":
        return _size(step.kind) + sum(map(_size, kinds))
    inside = computations[_named(step, "calls")]
    read = sum(_read(inside, number, kind) for number, kind in enumerate(kinds))
    return read + _written(inside, step)


def _read(inside: dict[str, Step], number: int, kind: str) -> int:
    """What a fusion reads of an operand: the slices of it where nothing else is asked for."""
    mine = [s.name for s in inside.values() if s.operation == "parameter" and s.rest.startswith(f"{number})")]
    users = [step for step in inside.values() if any(name in mine for name in step.operands)]
    if users and all(user.operation in _SLICES and user.operands[0] in mine for user in users):
        in_memory = _size(kind) > 0
        return sum(_size(user.kind, everywhere=True) for user in users) if in_memory else 0
    if users and all(user.operation in _IN_PLACE and user.operands[0] in mine for user in users):
        return 0
    return _size(kind)


def _written(inside: dict[str, Step], step: Step) -> int:
    """What a fusion writes: of results that are updated in place, the update."""
    (result,) = (each for each in inside.values() if each.is_result)
    parts = [inside[name] for name in result.operands] if result.operation == "tuple" else [result]
    kinds = [f"{a}[{b}]{{{c}}}" for a, b, c in _ARRAY.findall(step.kind)]
    written = 0
    for part, kind in zip(parts, kinds, strict=False):
        place = _IN_PLACE.get(part.operation) if _size(kind) > 0 else None
        written += _size(kind) if place is None else _size(inside[part.operands[place]].kind, everywhere=True)
    return written


def _turns(computations: dict[str, dict[str, Step]], step: Step) -> int | None:
    """As the compiler noted; else the bound that a counter is held against."""
    known = re.search(r'"known_trip_count":\{"n":"(\d+)"\}', step.rest)
    if known:
        return int(known.group(1))
    condition = computations[_named(step, "condition")]
    (result,) = (each for each in condition.values() if each.is_result)
    if result.operation != "compare" or "direction=LT" not in result.rest:
        return None
    bound = condition.get(result.operands[1])
    number = re.match(r"(\d+)\)", bound.rest) if bound is not None and bound.operation == "constant" else None
    return int(number.group(1)) if number else None


def _size(kind: str, everywhere: bool = False) -> int:
    """Bytes of a result in the device's memory, or wherever it is."""
    total = 0
    for dtype, shape, layout in _ARRAY.findall(kind):
        if everywhere or not re.search(r"S\([1-9]\d*\)", layout or ""):
            total += math.prod(map(int, filter(None, shape.split(",")))) * _BYTES.get(dtype, 4)
    return total


def _first(kind: str) -> str:
    found = _ARRAY.search(kind)
    return found.group(0) if found else ""


def _named(step: Step, word: str) -> str:
    found = re.search(rf"\b{word}=%?([\w.\-]+)", step.rest)
    if found is None:
        raise ValueError(f"expected {word}= in the instruction {step.name} ({step.operation}), found none.")
    return found.group(1)


def _called(step: Step) -> list[str]:
    several = re.search(r"(?:branch_computations|called_computations)=\{([^}]*)\}", step.rest)
    if several:
        return [name.strip().lstrip("%") for name in several.group(1).split(",")]
    return re.findall(r"(?:to_apply|true_computation|false_computation)=%?([\w.\-]+)", step.rest)


def _computations(text: str) -> tuple[dict[str, dict[str, Step]], str]:
    found: dict[str, dict[str, Step]] = {}
    entry, current = "", None
    for line in text.splitlines():
        head = re.match(r"(ENTRY )?%?([\w.\-]+) \(.*\{$", line)
        if head:
            current = found[head.group(2)] = {}
            entry = head.group(2) if head.group(1) else entry
        elif line.startswith("}"):
            current = None
        elif current is not None:
            step = _step(line)
            if step is not None:
                current[step.name] = step
    if not entry:
        raise ValueError("expected the text of an optimised program, found no ENTRY in it.")
    return found, entry


def _step(line: str) -> Step | None:
    head = re.match(r"\s+(ROOT )?%?([\w.\-]+) = ", line)
    if head is None:
        return None
    rest = line[head.end() :]
    end = _closing(rest, 0) + 1 if rest.startswith("(") else rest.index(" ")
    call = re.match(r" ?([\w\-]+)\(", rest[end:])
    if call is None:
        return None
    opening = end + call.end() - 1
    closing = _closing(rest, opening)
    inside = rest[opening + 1 : closing]
    # A parameter's number and a constant's value stand where operands do.
    plain = call.group(1) in ("parameter", "constant")
    operands = () if plain else tuple(re.findall(r"%([\w.\-]+)", inside))
    tail = rest[opening + 1 :] if plain else rest[closing + 1 :]
    return Step(head.group(2), rest[:end], call.group(1), operands, tail, bool(head.group(1)))


def _closing(text: str, opening: int) -> int:
    depth = 0
    for place in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise ValueError(f"expected a closing parenthesis in {text[opening : opening + 80]!r}, found none.")
