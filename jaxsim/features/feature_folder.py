"""Where features are kept: a folder on a disk, or in a bucket."""

from typing import Any

from jaxsim.arguments import check_folder_path
from jaxsim.files import AnyPath, RemotePath, is_bucket


def feature_folder(name: str, value: Any) -> AnyPath:
    """The folder that an argument names; it need not exist.

    Args:
        name: Of the argument.
        value: A path, or the URL of a folder in a bucket: `gs://bucket/folder`, `s3://bucket/folder`.

    Raises:
        ValueError: If it is something else.

    Example:
        >>> feature_folder("out", "s3://bucket/vit/")
        s3://bucket/vit
        >>> feature_folder("out", "runs/vit").as_posix()
        'runs/vit'
    """
    return RemotePath(value) if is_bucket(value) else check_folder_path(name, value)
