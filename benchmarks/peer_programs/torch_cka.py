"""Debiased CKA of all pairs with torch, written plainly."""

from typing import Any

import numpy as np


def torch_cka(layers: list[Any]) -> np.ndarray:
    """Song et al. 2012, eq. 5, from all kernels side by side: one product gives the sums of all pairs.

    Args:
        layers: `[n_samples, n_features]` float32 tensors.

    Returns:
        `[n_layers, n_layers]` float64.

    Example:
        >>> import torch
        >>> x = torch.from_numpy(np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32))
        >>> bool(np.allclose(torch_cka([x, 2 * x]), 1, atol=1e-5))
        True
    """
    import torch

    n, kernels = layers[0].shape[0], []
    for x in layers:
        centred = x - x.mean(0)
        kernel = centred @ centred.T
        kernels.append(kernel.fill_diagonal_(0))
    # A pair at a time takes longer: every kernel is then read once for each other layer.
    beside = torch.stack(kernels)
    flat = beside.reshape(len(kernels), -1)
    rows = beside.sum(2).double()
    totals = rows.sum(1)
    hsic = (flat @ flat.T).double() + torch.outer(totals, totals) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (rows @ rows.T)
    own = hsic.diagonal().sqrt()
    return (hsic / torch.outer(own, own)).cpu().numpy()
