"""The subcommands, and what happens to the records they make."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks import records
from benchmarks.wording import one_line

SUBCOMMANDS = {
    "floor": "time over a same-shape jnp.dot Gram pass in the same process",
    "scaling": "growth with samples, features, layers and neighbours, as fitted exponents",
    "devices": "equal results and really sharded columns on several devices and processes",
    "memory": "peak memory over the features, in a fresh process",
    "precision": "what each precision does to ranks and to Delta",
    "coverage": "how often intervals of findings hold the truth, on fresh sets of rendered images",
    "intervals": "what standard errors from half-samples cost, over the same without",
    "measure_coverage": "how often intervals of single cells of every measure hold the truth",
    "measures": "what further measures cost beside Delta, and debiased CKA alone over products of features",
    "factors": "Procrustes, CCA and regression of all pairs against SciPy, and what calibrating CKA costs",
    "measure_peers": "one row a measure against rsatoolbox, scikit-dimension and calibrated-similarity",
    "judging": "what every measure says of shipped models and changed pictures whose relation is known, after ReSi",
    "nulls": "how often tests of findings reject where there is nothing to find",
    "crossover": "from how many thresholds per row on sorting beats counting",
    "reliability": "kills at any moment, two runs at once, damaged files, files of others: what each comes to",
    "peers": "against DADApy, scikit-learn + NumPy, torch and FAISS, values compared",
    "extraction": "images per second from JPEGs to features, against torch with a DataLoader",
    "models": "images per second against torch eager and torch.compile on the same weights",
    "compiled": "bytes, memory and estimates by the compilers for TPU and GPU, on a machine that has neither",
    "gpu": "everything an accelerator is asked for, in one call",
    "report": "Markdown table and figures out of result files",
    "compare": "flag regressions between two result files",
}
"""Subcommand -> what it measures. Each is the module of that name, with `add_options(parser)` and
`run(options, write)`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        arguments: Words of the command line; the process's own by default.

    Returns:
        Exit code: 0, 1 for a regression found by `compare`, 2 for a bad request.
    """
    options = make_parser(arguments).parse_args(arguments)
    module = importlib.import_module(f"benchmarks.{options.subcommand}")
    out = getattr(options, "out", None) or records.RESULTS / f"{options.subcommand}.jsonl"

    def write(line: dict[str, Any]) -> None:
        records.append(out, line)
        print(one_line(line), flush=True)

    try:
        return module.run(options, write) or 0
    except ValueError as error:
        print(f"benchmarks {options.subcommand}: {error}", file=sys.stderr)
        return 2


def make_parser(arguments: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The parser; only the subcommand that is asked for is imported."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    chosen = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
    for name, summary in SUBCOMMANDS.items():
        sub = chosen.add_parser(name, help=summary, description=summary)
        if words and words[0] == name:
            importlib.import_module(f"benchmarks.{name}").add_options(sub)
    return parser
