"""A process that compiles programs for an accelerator that is not here and says what its compiler says."""

import time
from functools import cache
from typing import Any

import jax

from benchmarks.compiled_programs import PRODUCT, Program, Sizes, make_program
from benchmarks.compiled_targets import lowering_for, placement_on
from benchmarks.compiled_traffic import traffic
from benchmarks.serving import serve


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """What the compiler says of one program.

    Args:
        request: `target`, `devices`, `workload` and `sizes`.

    Returns:
        See `numbers`; `estimate` in seconds with all turns of loops, and `product_estimate`, where the compiler
        estimates.
    """
    sizes, where = Sizes(**request["sizes"]), (request["target"], request["devices"])
    with lowering_for(request["target"]):
        found = numbers(make_program(request["workload"], sizes, placement_on(*where)))
    if found["estimate"] is not None:
        product = _product(sizes, *where)
        if product["estimate"] is None:
            # There is nothing to hold it against.
            found["estimate"] = None
        else:
            # What loops move in their later turns takes as long as what the product moves.
            found["estimate"] += found["in_later_turns"] * product["estimate"] / product["bytes"]
            found["product_estimate"] = product["estimate"]
    return {**found, "jax": jax.__version__}


@cache
def _product(sizes: Sizes, target: str, devices: int) -> dict[str, Any]:
    return numbers(make_program(PRODUCT, sizes, placement_on(target, devices)))


def numbers(program: Program) -> dict[str, Any]:
    """Compile a program.

    Args:
        program: What to compile.

    Returns:
        Bytes moved on each device with all turns of loops, those of them to and from its memory, what the program holds
        beside arguments and results, what must be moved, the estimate in seconds of one turn (None where the compiler
        has none of some part), and seconds of compiling.

    Example:
        >>> from jaxsim_kernels import Placement
        >>> numbers(make_program("product", Sizes(1024, 16, 8, 2), Placement()))["strip_bytes"]
        32768
    """
    start = time.perf_counter()
    compiled = program.step.lower(*program.arguments).compile()
    seconds = time.perf_counter() - start
    memory, cost, moved = compiled.memory_analysis(), compiled.cost_analysis() or {}, traffic(compiled.as_text())
    # The compiler's own count, where it has one, knows what a product reads again; it takes every loop for one turn,
    # and what stays on the chip for moved.
    once, estimate = cost.get("bytes accessed"), cost.get("optimal_seconds", 0)
    return {
        "bytes": moved.total if once is None else int(once) + moved.in_later_turns,
        "device_memory_bytes": moved.total,
        "in_later_turns": moved.in_later_turns,
        "loops": moved.loops,
        "least_bytes": program.least_bytes,
        "temporaries": memory.temp_size_in_bytes,
        "strip_bytes": program.strip_bytes,
        # Of some operations the compiler has none and takes off a thousand seconds.
        "estimate": estimate if estimate > 0 else None,
        "compile_seconds": seconds,
    }


if __name__ == "__main__":
    serve(answer)
