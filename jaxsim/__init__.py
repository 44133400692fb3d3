"""Do two vision models get to their representations by the same steps?

Similarity metrics between the processing steps of vision models, exact and streaming, in JAX.
"""

from jaxsim.metrics import ImbalanceMatrix, InformationImbalance, imbalance_matrix, information_imbalance

__all__ = ["ImbalanceMatrix", "InformationImbalance", "imbalance_matrix", "information_imbalance"]
