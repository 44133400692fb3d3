"""Writes the small files beside it by other programs; run once, with pandas, pyarrow, datasets and webdataset."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import webdataset
from PIL import Image

HERE = Path(__file__).parent
WORDS = [f"word{i:02d}" for i in range(12)]


def features() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(12, 5)).astype(np.float32), rng.normal(size=(12, 3))


def pictures() -> list[Image.Image]:
    """Of one colour each and of different sizes, so that they can be told apart after any encoding."""
    return [Image.new("RGB", (8 + i, 6), (20 * i, 255 - 20 * i, 7 * i)) for i in range(8)]


def encoded(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def main() -> None:
    early, late = features()
    frame = pd.DataFrame({"id": WORDS, "early": list(early), "late": list(late), "class": np.arange(12) % 3})
    frame.to_parquet(HERE / "lists.parquet", row_group_size=5)
    wide = pd.DataFrame(early, columns=[f"x_{i}" for i in range(5)]).assign(word=WORDS)
    wide.to_parquet(HERE / "columns.parquet")
    wide.to_feather(HERE / "columns.feather")
    kind = datasets.Features(
        {"id": datasets.Value("string"), "early": datasets.List(datasets.Value("float32"), length=5)}
    )
    shutil.rmtree(HERE / "embeddings", ignore_errors=True)
    data = datasets.Dataset.from_dict({"id": WORDS, "early": early.tolist()}, features=kind)
    data.save_to_disk(HERE / "embeddings", num_shards=2)

    labels = datasets.ClassLabel(names=["cat", "dog"])
    kind = datasets.Features({"image": datasets.Image(), "label": labels, "patient": datasets.Value("string")})
    images = datasets.Dataset.from_dict(
        {
            "image": [{"bytes": encoded(each), "path": None} for each in pictures()],
            "label": [i % 2 for i in range(8)],
            "patient": [f"p{i // 4}" for i in range(8)],
        },
        features=kind,
    )
    shutil.rmtree(HERE / "pictures", ignore_errors=True)
    images.save_to_disk(HERE / "pictures")
    images.to_parquet(HERE / "pictures.parquet")
    with webdataset.ShardWriter(str(HERE / "shard-%02d.tar"), maxcount=5) as shards:
        for i, each in enumerate(pictures()):
            shards.write(
                {"__key__": f"photo{i}", "png": encoded(each), "cls": i % 2, "json": {"patient": f"p{i // 4}"}}
            )
    print(pa.__version__, datasets.__version__, pd.__version__)


if __name__ == "__main__":
    main()
