"""Device code of jaxsim: exact neighbours, conditional ranks and information imbalance, streamed.

Imports jax and numpy and, where rows are ranked on CPU, numba; nothing else.
"""

from .agreement import agree_on_call
from .all_pairs import AllPairs, agreed_options, all_pairs, plan_for
from .kernel_sums import Kernel, KernelMoments
from .kernels_alone import KernelSums, kernel_sums
from .median_distance import median_distances
from .nearest_samples import nearest_samples
from .options import Options
from .pair import PairSums, pair_imbalance
from .placement import Placement, make_placement
from .plan import Plan, Workload, make_plan
from .prepare import Metric, check_metric
from .processes import LostProcessError, agree, explained_failures, failing_together, meet
from .reference import Ties
from .scores import Precision, check_precision
from .streaming import Progress
from .verify import Verification, verify_rows

__all__ = [
    "AllPairs",
    "Kernel",
    "KernelMoments",
    "KernelSums",
    "LostProcessError",
    "Metric",
    "Options",
    "PairSums",
    "Placement",
    "Plan",
    "Precision",
    "Progress",
    "Ties",
    "Verification",
    "Workload",
    "agree",
    "agree_on_call",
    "agreed_options",
    "all_pairs",
    "check_metric",
    "check_precision",
    "explained_failures",
    "failing_together",
    "kernel_sums",
    "make_placement",
    "make_plan",
    "median_distances",
    "meet",
    "nearest_samples",
    "pair_imbalance",
    "plan_for",
    "verify_rows",
]
