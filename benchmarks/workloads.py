"""The shapes that real studies have: one list that feeds tests and benchmarks."""

from dataclasses import dataclass, replace

import numpy as np
from jaxsim_kernels import Workload
from jaxsim_kernels.plan import Passes

IMAGENET_TRAIN = 1_281_167
"""Training images of ImageNet-1k, the size that costs are extrapolated to."""


@dataclass(frozen=True)
class Shape:
    """Samples, layer widths and numbers of neighbours of a study.

    Attributes:
        name: Short, unique, used on the command line.
        n_samples: N.
        widths: Features of every layer.
        ks: Numbers of neighbours, increasing.
        study: What has this shape.
    """

    name: str
    n_samples: int
    widths: tuple[int, ...]
    ks: tuple[int, ...] = (1,)
    study: str = ""

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return len(self.widths)

    @property
    def feature_bytes(self) -> int:
        """Bytes of all layers in float32."""
        return 4 * self.n_samples * sum(self.widths)

    def workload(self, n_queries: int | None = None) -> Workload:
        """The shape as the kernels' planner takes it."""
        return Workload(self.n_samples, n_queries or self.n_samples, self.widths, self.ks[-1])

    def gram_flops(self, n_queries: int | None = None) -> int:
        """Multiplications and additions of one Gram pass over all layers.

        Example:
            >>> uniform(100, 10, 2).gram_flops()
            400000
        """
        return 2 * (n_queries or self.n_samples) * self.n_samples * sum(self.widths)

    def toy(self, n_samples: int = 64, widest: int = 24) -> "Shape":
        """The same structure at a size that a test can afford: as many layers, widths in proportion.

        Example:
            >>> uniform(4096, 384, 3, (1, 30)).toy().widths
            (24, 24, 24)
        """
        scale = widest / max(self.widths)
        widths = tuple(max(2, round(w * scale)) for w in self.widths)
        return replace(self, name=f"{self.name}-toy", n_samples=min(n_samples, self.n_samples), widths=widths)

    def describe(self) -> dict[str, object]:
        """JSON-able fields that identify the shape in a record."""
        widths = self.widths[0] if len(set(self.widths)) == 1 else list(self.widths)
        return {
            "workload": self.name,
            "n_samples": self.n_samples,
            "n_features": widths,
            "n_layers": self.n_layers,
            "k": list(self.ks),
        }


def uniform(
    n_samples: int, n_features: int, n_layers: int, ks: tuple[int, ...] = (1,), name: str = "", study: str = ""
) -> Shape:
    """A shape whose layers are equally wide.

    Example:
        >>> uniform(4096, 384, 24).name
        'n4096-d384-l24-k1'
    """
    name = name or f"n{n_samples}-d{n_features}-l{n_layers}-k{'.'.join(map(str, ks))}"
    return Shape(name, n_samples, (n_features,) * n_layers, ks, study)


_RESNET50 = (64, *(256,) * 3, *(512,) * 4, *(1024,) * 6, *(2048,) * 3)
_CONVNEXT_T = (96, *(96,) * 3, *(192,) * 3, *(384,) * 9, *(768,) * 3)
_SWIN_T = (96, *(96,) * 2, *(192,) * 2, *(384,) * 6, *(768,) * 2, 768)

WORKLOADS: tuple[Shape, ...] = (
    uniform(1797, 64, 12, (1,), "digits", "the embedded digits through two small trained models"),
    uniform(
        2000, 384, 24, (1,), "pairs-2k", "two small transformers on a quick sample; the size DADApy is compared at"
    ),
    uniform(4096, 384, 24, (1,), "vit-s-24", "two ViT-S/16 (12 blocks each), patches averaged"),
    uniform(4096, 768, 24, (1,), "vit-b-24", "two ViT-B/16 (12 blocks each), patches averaged"),
    uniform(4096, 384, 24, (1, 3, 10, 30), "vit-s-24-ks", "two ViT-S/16, four neighbourhood sizes at once"),
    uniform(5000, 1024, 50, (1,), "vit-l-50", "two ViT-L/16 with embeddings, five images per ImageNet class"),
    Shape("resnet50-vit-b", 5000, (*_RESNET50, *(768,) * 14), (1, 10), "ResNet-50 against ViT-B/16, every block"),
    Shape("convnext-swin", 5000, (*_CONVNEXT_T, *_SWIN_T), (1, 10), "ConvNeXt-T against Swin-T, every block"),
    uniform(5000, 256, 200, (1,), "many-layers", "sixteen small models at once"),
    uniform(50_000, 384, 2, (1,), "validation-pair", "two steps on the ImageNet validation images"),
    uniform(100_000, 384, 2, (1,), "large-pair", "two steps on a hundred thousand images"),
)
"""Study shapes of vision models. Tests run each as `.toy()`, benchmarks as it is."""

BY_NAME = {shape.name: shape for shape in WORKLOADS}


@dataclass(frozen=True)
class FloorGoal:
    """A row of the floor table: a shape, how it is run, and the ratio over the Gram floor that it is to reach."""

    shape: Shape
    reach: float
    passes: Passes | None = None


FLOOR_GOALS = (
    FloorGoal(BY_NAME["vit-s-24"], 1.6),
    FloorGoal(BY_NAME["vit-b-24"], 1.35),
    FloorGoal(BY_NAME["vit-b-24"], 1.8, "two-pass"),
    FloorGoal(BY_NAME["vit-s-24-ks"], 4.0, "one-pass"),
)


INTERVAL_SHAPES = (BY_NAME["vit-s-24"], BY_NAME["vit-s-24-ks"])
"""What half-samples are measured on."""

INTERVAL_REACH = 3.0
"""Times the measurement without half-samples that one with them may take."""


def synthetic_layers(shape: Shape, seed: int = 0) -> list[np.ndarray]:
    """Float32 layers that resemble a network's: each is near the one before, spectra fall, means are not zero.

    Args:
        shape: Their shape.
        seed: Of the generator.

    Returns:
        Arrays `[n_samples, width]`, contiguous, without ties.

    Example:
        >>> [x.shape for x in synthetic_layers(uniform(10, 4, 2))]
        [(10, 4), (10, 4)]
    """
    rng = np.random.default_rng(seed)
    widest = max(shape.widths)
    spectrum = (np.arange(1, widest + 1) ** -0.4).astype(np.float32)
    latent = rng.standard_normal((shape.n_samples, widest), np.float32)
    layers = []
    for width in shape.widths:
        layers.append(latent[:, :width] * spectrum[:width] + np.float32(0.5))
        latent *= np.float32(0.9)
        latent += np.float32(0.44) * rng.standard_normal(latent.shape, np.float32)
    return layers
