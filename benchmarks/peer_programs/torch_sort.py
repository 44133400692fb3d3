"""All pairs with torch: `cdist` and `argsort`, block by block, on its GPU where it has one."""

from collections.abc import Callable, Sequence

import numpy as np

_BLOCK_BYTES = 1 << 30


def torch_imbalance(
    layers: Sequence[np.ndarray], k: int = 1, n_queries: int | None = None, rows: int | None = None
) -> tuple[Callable[[], np.ndarray], str]:
    """A function that works out all ordered pairs with layers that are on the device already.

    Args:
        layers: `[n_samples, n_features]` float32.
        k: Number of neighbours.
        n_queries: Leading rows that are worked out; all by default.
        rows: Rows per block; by default what a gigabyte of ranks holds.

    Returns:
        The function, which returns `[n_layers, n_layers]`, and the device it runs on.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
        >>> side, device = torch_imbalance([x])
        >>> round(float(side()[0, 0]), 6)
        0.1
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    placed = [torch.from_numpy(np.ascontiguousarray(x)).to(device) for x in layers]
    n = len(layers[0])
    n_queries = n_queries or n
    height = rows or max(1, min(n_queries, _BLOCK_BYTES // (8 * n * len(layers))))

    def block(start: int, end: int) -> torch.Tensor:
        own = torch.arange(start, end, device=device)[:, None]
        nearest, ranks = [], []
        for x in placed:
            distances = torch.cdist(x[start:end], x)
            distances.scatter_(1, own, -1.0)
            order = distances.argsort(dim=1)
            nearest.append(order[:, 1 : k + 1])
            places = torch.arange(n, device=device).expand(end - start, n)
            ranks.append(torch.empty_like(order).scatter_(1, order, places))
        return torch.stack([torch.stack([r.gather(1, c).sum() for r in ranks]) for c in nearest])

    def side() -> np.ndarray:
        total = torch.zeros(len(placed), len(placed), dtype=torch.int64, device=device)
        with torch.inference_mode():
            for start in range(0, n_queries, height):
                total += block(start, min(start + height, n_queries))
        # Reading the sums waits for the device.
        return 2 / (n * k * n_queries) * total.cpu().numpy()

    return side, device if device == "cpu" else torch.cuda.get_device_name()
