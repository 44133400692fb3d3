"""Runs all pairs on several devices, or as one of several processes, and compares with one device."""

from typing import Any

import numpy as np

from benchmarks.serving import serve


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The same computation on one device and on many.

    Args:
        request: `n_devices`, `process`, `n_processes`, `port`, `n_samples`, `widths`, `k`, `passes`, `precision`,
            `seed`, `runs`.

    Returns:
        Whether the results are equal, the largest difference, what every device holds, and seconds.
    """
    import jax

    if request["n_processes"] > 1:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(f"127.0.0.1:{request['port']}", request["n_processes"], request["process"])
    return compare_with_one_device(request)


def compare_with_one_device(request: dict[str, Any]) -> dict[str, Any]:
    """`answer` without the set-up of processes.

    Raises:
        ValueError: If there are fewer devices than asked for.
    """
    import jax
    from jaxsim_kernels import Options, Placement, all_pairs, make_placement, plan_for
    from jaxsim_kernels.prepare import prepare_layer
    from jaxsim_kernels.programs import strip_program

    from benchmarks import measure
    from benchmarks.workloads import Shape, synthetic_layers

    shape = Shape("", request["n_samples"], tuple(request["widths"]), tuple(request["k"]))
    layers = synthetic_layers(shape, request["seed"])
    options = Options(ks=shape.ks, passes=request["passes"], precision=request["precision"])
    one, many = Placement(device=jax.local_devices()[0]), make_placement(request["n_devices"])
    found: dict[str, Any] = {}
    sides = {"one": one, "many": many}

    def side(name: str) -> Any:
        found[name] = all_pairs(layers, options=options, placement=sides[name])

    timings = measure.interleaved({name: lambda name=name: side(name) for name in sides}, request["runs"])
    plan = plan_for(shape.workload(), options, many)
    layer = prepare_layer(layers[0], "euclidean", plan.n_padded, many.place)
    strip = strip_program(many, 0, request["precision"])(
        layer.features, layer.half_norms, many.replicate(np.arange(min(8, shape.n_samples), dtype=np.int32))
    )
    difference = np.abs(found["many"].values - found["one"].values).max()
    return {
        "equal": bool(np.array_equal(found["many"].values, found["one"].values)),
        "largest_difference": float(difference),
        "n_padded": plan.n_padded,
        "feature_shards": _shards(layer.features),
        "strip_shards": _shards(strip),
        "processes": jax.process_count(),
        "local_devices": jax.local_device_count(),
        "platform": jax.default_backend(),
        "timings": {name: timing.as_json() for name, timing in timings.items()},
    }


def _shards(array: Any) -> list[list[int]]:
    return [list(shard.data.shape) for shard in array.addressable_shards]


if __name__ == "__main__":
    serve(answer)
