"""How many directions a representation spreads over, from the eigenvalues of its covariance."""

from typing import Any

from ..declaration import Case, LayerMeasure, constant
from ..statistics import Spectra, Statistics

_NEEDS = frozenset({Spectra()})
_INVARIANCES = frozenset({"sample permutation", "rotation", "translation", "scale"})


def _of_shares(statistics: Statistics, formula: Any, power: float = 1.0) -> Any:
    """A formula of every layer's eigenvalues as shares of their sum."""
    spectra = statistics[Spectra()]
    xp = spectra[0].__array_namespace__()
    found = []
    for values in spectra:
        powers = values**power
        found.append(formula(xp, powers / powers.sum()))
    return xp.stack(found)


def _entropy(xp: Any, shares: Any) -> Any:
    # 0 ln 0 is 0.
    return -(shares * xp.log(xp.where(shares > 0, shares, 1.0))).sum()


def _most(case: Case) -> float:
    return float(min(case.n_samples - 1, case.widths[0]))


def _log_of_most(case: Case) -> float:
    from math import log

    return log(_most(case))


PARTICIPATION_RATIO = LayerMeasure(
    name="participation_ratio",
    title="participation ratio",
    source="Gao et al. 2017 (bioRxiv 214262), eq. 3",
    unit="dimensions",
    uses_k=False,
    lowest=constant(1.0),
    highest=_most,
    invariances=_INVARIANCES,
    needs=_NEEDS,
    formula=lambda statistics: _of_shares(statistics, lambda xp, shares: 1 / (shares**2).sum()),
)

EFFECTIVE_RANK = LayerMeasure(
    name="effective_rank",
    title="effective rank",
    source="Roy & Vetterli, EUSIPCO 2007",
    unit="dimensions",
    uses_k=False,
    lowest=constant(1.0),
    highest=_most,
    invariances=_INVARIANCES,
    needs=_NEEDS,
    # Of singular values, the roots of the eigenvalues.
    formula=lambda statistics: _of_shares(statistics, lambda xp, shares: xp.exp(_entropy(xp, shares)), 0.5),
)

MATRIX_ENTROPY = LayerMeasure(
    name="matrix_entropy",
    title="matrix entropy",
    source="Skean et al. 2025 (arXiv 2502.02013); Sanchez Giraldo et al. 2015",
    unit="nats",
    uses_k=False,
    lowest=constant(0.0),
    highest=_log_of_most,
    invariances=_INVARIANCES,
    needs=_NEEDS,
    formula=lambda statistics: _of_shares(statistics, _entropy),
)
