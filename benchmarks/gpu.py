"""Everything an accelerator is asked for, in one call; at toy sizes it runs on a CPU too.

All pairs over the Gram products alone: sizes, precisions, one k and several, XLA's kernels and Pallas's, one pass and
two. Every Pallas kernel against XLA's form, products by parts, images per second, torch and CKA peers, and from the
largest size the extrapolated cost of the ImageNet training images. Parts are measured in order of importance until the
time is over; called again with the same file, it goes on where it was. All pairs, kernels and products need the kernels
alone, not jaxsim; what else is not installed is told in a line.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, get_args

import jax
from jaxsim_kernels import Precision
from jaxsim_kernels.accelerator.choice import Kernels
from jaxsim_kernels.plan import Passes

from benchmarks import records
from benchmarks.accelerator import images, pairs, peers, products
from benchmarks.accelerator.kernels import kernels_of, measure_kernel
from benchmarks.accelerator.session import Part, Session
from benchmarks.arguments import Write, add_run_options, neighbours, numbers, positive, words
from benchmarks.models import MODELS
from benchmarks.workloads import IMAGENET_TRAIN, Shape, uniform

SAMPLES = (100_000, 16_384, 200_000, 50_000, 4096)
BOTH_PASSES = 50_000
"""The size nearest to this one is measured in one pass and in two."""

MINUTES = 8.4
PARTS = ("pairs", "kernels", "products", "peers", "images")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    levels, listed = get_args(Precision), "NAME[,NAME...]"
    add_run_options(parser)
    parser.add_argument("--parts", type=words(*PARTS), default=PARTS, metavar=listed, help=", ".join(PARTS))
    parser.add_argument("--minutes", type=float, default=MINUTES, help="to keep to (default %(default)s)")
    parser.add_argument(
        "--samples", type=numbers, default=SAMPLES, metavar="N[,N...]", help="most important first; up to 200,000"
    )
    parser.add_argument("--features", type=positive, default=384, metavar="D", help="of every layer (default 384)")
    parser.add_argument("--layers", type=positive, default=24, metavar="L", help="default 24")
    parser.add_argument(
        "--k", type=neighbours, default=(1, 3, 10, 30), metavar="K[,K...]", help="beside the first alone"
    )
    parser.add_argument(
        "--queries", type=int, default=16_384, metavar="M", help="rows worked out at most; 0 for all (default 16384)"
    )
    parser.add_argument(
        "--precisions", type=words(*levels), default=("highest", "high", "fast"), metavar=listed, help="which"
    )
    parser.add_argument("--strip", type=numbers, default=(65_536, 2048), metavar="N,R", help="of kernels and products")
    parser.add_argument("--peer-samples", type=positive, default=16_384, help="of the torch peer (default 16384)")
    parser.add_argument("--cka-samples", type=positive, default=8192, help="of CKA and its peers (default 8192)")
    parser.add_argument("--models", type=words(*MODELS), default=("vit-s16", "resnet-50"), metavar=listed, help="which")
    parser.add_argument("--batch", type=positive, default=128, help="images of a call (default 128)")
    parser.add_argument("--extrapolate", type=positive, default=IMAGENET_TRAIN, metavar="N", help="default 1,281,167")


def run(options: argparse.Namespace, write: Write) -> None:
    """Measure what is not in the file yet, as far as the time reaches."""
    if len(options.strip) != 2 or options.strip[0] % 512 or options.strip[1] > options.strip[0]:
        raise ValueError(
            f"expected --strip N,R with N a multiple of 512 and R at most N, got {','.join(map(str, options.strip))}."
        )
    path: Path = options.out or records.RESULTS / "gpu.jsonl"
    session = Session(path, write, 60 * options.minutes)
    session.run(part for kind, part in _parts(options) if kind in options.parts)
    session.run(_extrapolations(options, session))
    session.tell_left_out()


def _parts(options: argparse.Namespace) -> Iterator[tuple[str, Part]]:
    """Kind and part, in order of importance."""
    first, further = options.samples[0], options.samples[1:]
    highest: Precision = options.precisions[0]
    yield "pairs", _pairs(options, first, highest)
    yield from (("kernels", part) for part in _kernels(options))
    yield from (("products", part) for part in _products(options))
    yield "pairs", _pairs(options, first, highest, kernels="pallas")
    if len(options.k) > 1:
        yield "pairs", _pairs(options, first, highest, ks=options.k)
        yield "pairs", _pairs(options, first, highest, ks=options.k, kernels="pallas")
    for precision in options.precisions[1:]:
        yield "pairs", _pairs(options, first, precision)
    for passes in get_args(Passes):
        n_samples = min(options.samples, key=lambda n: abs(n - BOTH_PASSES))
        yield "pairs", _pairs(options, n_samples, highest, passes=passes)
    yield from (("images", part) for part in _images(options))
    yield from (("peers", part) for part in _peers(options))
    for n_samples in further:
        for precision in options.precisions:
            yield "pairs", _pairs(options, n_samples, precision)


def _pairs(
    options: argparse.Namespace,
    n_samples: int,
    precision: Precision,
    *,
    ks: tuple[int, ...] | None = None,
    kernels: Kernels = "xla",
    passes: Passes | None = None,
) -> Part:
    shape = _shape(options, n_samples, ks or options.k[:1])
    n_queries = min(options.queries or n_samples, n_samples)
    work = partial(pairs.measure_pairs, shape, n_queries, precision, kernels, passes)
    key = pairs.key_of(shape, n_queries, precision, kernels, passes)
    return Part(key, _timed(options, work), _expected(shape, n_queries))


def _kernels(options: argparse.Namespace) -> Iterator[Part]:
    n_samples, n_rows = options.strip
    sizes = {"n_samples": n_samples, "n_features": options.features, "n_rows": n_rows}
    for kernel in kernels_of(options.layers, options.k[:1] + options.k[1:][-1:], jax.default_backend()):
        work = partial(measure_kernel, kernel, n_samples, options.features, n_rows)
        yield Part({**kernel.key, **sizes}, _timed(options, work))


def _products(options: argparse.Namespace) -> Iterator[Part]:
    n_samples, n_rows = options.strip
    sizes = {"n_samples": n_samples, "n_features": options.features, "n_rows": n_rows}
    for way in (*options.precisions, *products.PARTS):
        work = partial(products.measure_product, way, n_samples, options.features, n_rows)
        yield Part({"product": way, **sizes}, _timed(options, work))


def _peers(options: argparse.Namespace) -> Iterator[Part]:
    shape = _shape(options, options.peer_samples, options.k[:1])
    n_queries = min(options.queries or shape.n_samples, shape.n_samples)
    work = partial(peers.measure_torch, shape, n_queries)
    key = {**shape.describe(), "n_queries": n_queries, "peer": "torch"}
    yield Part(key, _timed(options, work), _expected(shape, n_queries))
    few = _shape(options, options.cka_samples, options.k[:1])
    for peer in peers.CKA_PEERS:
        work = partial(peers.measure_cka, few, peer)
        yield Part({**few.describe(), "measure": "cka", "peer": peer}, _timed(options, work), _expected(few, 1))


def _images(options: argparse.Namespace) -> Iterator[Part]:
    for name in options.models:
        for dtype in ("float32", "bfloat16"):
            key = {"model": name, "batch": options.batch, "dtype": dtype}
            work = partial(images.measure_images, name, options.batch, dtype)
            yield Part(key, lambda within, work=work: work(runs=options.runs, within=within))


def _extrapolations(options: argparse.Namespace, session: Session) -> Iterator[Part]:
    """From the largest size that was measured at each precision."""
    for precision in options.precisions:
        for n_samples in sorted(options.samples, reverse=True):
            line = session.known(_pairs(options, n_samples, precision).key)
            if line is not None:
                key = {**line["key"], "n_samples": options.extrapolate, "n_queries": options.extrapolate}
                key["workload"] = f"extrapolated from {n_samples}"
                work = partial(pairs.extrapolated, line, options.extrapolate)
                yield Part({**key, "extrapolated": True}, lambda within, work=work: work(), 0)
                break


def _shape(options: argparse.Namespace, n_samples: int, ks: tuple[int, ...]) -> Shape:
    return uniform(n_samples, options.features, options.layers, ks)


def _timed(options: argparse.Namespace, work: Callable[..., dict[str, Any]]) -> Callable[[float], dict[str, Any]]:
    return lambda within: work(seed=options.seed, runs=options.runs, within=within)


def _expected(shape: Shape, n_queries: int) -> float:
    # What a CPU takes is nobody's measurement: at toy sizes it is quick.
    return 0.0 if jax.default_backend() == "cpu" else pairs.expected_seconds(shape, n_queries)
