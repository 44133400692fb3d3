"""Data sets on the Hugging Face hub, downloaded as the Parquet files that they are there."""

from pathlib import Path

from jaxsim.arguments import shown

_SCHEME = "hf://"


def is_hub(text: str) -> bool:
    """Whether a text names a data set on the hub.

    Example:
        >>> is_hub("hf://datasets/ylecun/mnist"), is_hub("photos")
        (True, False)
    """
    return text.startswith(_SCHEME)


def download_dataset(text: str) -> Path:
    """Returns the folder of a data set's Parquet files, downloaded where they are not in the cache yet.

    Args:
        text: `hf://datasets/OWNER/NAME`, with `@REVISION` behind the name and a folder or file below it if wanted.

    Raises:
        ValueError: If it is no such name, or the hub has none of that name or cannot be reached.

    Example:
        >>> download_dataset("hf://models/a/b")
        Traceback (most recent call last):
        ...
        ValueError: expected hf://datasets/OWNER/NAME, with @REVISION and /FOLDER if wanted, got 'hf://models/a/b'
    """
    kind, *parts = text.removeprefix(_SCHEME).strip("/").split("/")
    if kind != "datasets" or len(parts) < 2 or not all(parts):
        raise ValueError(f"expected hf://datasets/OWNER/NAME, with @REVISION and /FOLDER if wanted, got {shown(text)}")
    name, _, revision = parts[1].partition("@")
    below = "/".join(parts[2:])
    # It takes a second to import.
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    patterns = [below] if below.endswith(".parquet") else [f"{below}/**.parquet".lstrip("/")]
    try:
        folder = huggingface_hub.snapshot_download(
            f"{parts[0]}/{name}", repo_type="dataset", revision=revision or None, allow_patterns=patterns
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise ValueError(
            f"cannot download {text}: {shown(str(error))}; check the name, or the connection to the hub"
        ) from error
    found = Path(folder) / below
    if not found.exists() or (found.is_dir() and next(found.rglob("*.parquet"), None) is None):
        raise ValueError(f"{text} has no Parquet files; download it and give its folder, or its images as a list")
    return found
