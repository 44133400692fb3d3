"""Runs measures of many samples in a fresh process and reads what they took from the operating system."""

from typing import Any

from benchmarks.memory_worker import reset_peak, status
from benchmarks.serving import serve


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Peak memory of one `jaxsim.measure`.

    Args:
        request: `widths`, `n_samples`, `seed`, `measures`.

    Returns:
        Bytes: `before` (libraries and features there) and `peak`; and whether making the features was left out of it.
    """
    import jaxsim
    from benchmarks.workloads import Shape, synthetic_layers

    layers = synthetic_layers(Shape("", request["n_samples"], tuple(request["widths"]), (1,)), request["seed"])
    before, reset = status("VmRSS"), reset_peak()
    jaxsim.measure(layers, tuple(request["measures"]))
    return {"before": before, "peak": status("VmHWM"), "peak_was_reset": reset}


if __name__ == "__main__":
    serve(answer)
