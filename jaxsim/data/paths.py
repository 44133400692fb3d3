"""A list of image files, or a glob, as a source."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxsim.arguments import shown
from jaxsim.data.decode import SUFFIXES
from jaxsim.data.encoded import file_state
from jaxsim.data.folder import File, FileSource
from jaxsim.names import printable
from jaxsim.sample_ids import checked_ids


class PathSource(FileSource):
    """Image files by their paths, in the order given.

    The id is the path below the folder that all of them share, so that it stays when that folder moves.

    Args:
        paths: Of image files.
        ids: Ids instead, one for each.

    Raises:
        ValueError: If there is none, one is not there or comes twice, or ids do not fit.

    Example:
        >>> import tempfile, PIL.Image
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("b.png", "a.png"):
        ...     PIL.Image.new("L", (4, 3)).save(folder / name)
        >>> PathSource([folder / "b.png", folder / "a.png"]).ids
        ('b.png', 'a.png')
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]], *, ids: Any = None):
        whole = [Path(os.path.abspath(Path(each).expanduser())) for each in paths]
        if not whole:
            raise ValueError("expected at least one image file, got none")
        odd = next((each for each in whole if not each.is_file()), None)
        if odd is not None:
            what = "is a folder or no regular file" if odd.exists() else "does not exist"
            raise ValueError(f"expected paths of image files, but {printable(str(odd))} {what}; check the path")
        seen: dict[Path, int] = {}
        for place, each in enumerate(whole):
            if seen.setdefault(each, place) != place:
                raise ValueError(
                    f"expected every image once, got {printable(str(each))} at {seen[each]} and {place}; leave one out"
                )
        root = Path(os.path.commonpath([each.parent for each in whole]))
        files = [File(each.relative_to(root).as_posix(), file_state(each)) for each in whole]
        given = None if ids is None or ids is False else checked_ids(ids, len(files), "ids", "give different ids")
        super().__init__(root, files, ids=given)

    @property
    def origin(self) -> dict[str, Any]:
        """Kind, and absolute path of the folder that the files share."""
        return {"kind": "paths", "path": printable(str(self._root.absolute()))}


def matching_files(pattern: str) -> list[Path]:
    """The image files that a glob matches, sorted; `**` stands for folders at any depth.

    Args:
        pattern: Such as `photos/**/*.jpg`.

    Raises:
        ValueError: If it matches no image file.

    Example:
        >>> matching_files("no/such/*.jpg")
        Traceback (most recent call last):
        ...
        ValueError: no image file matches 'no/such/*.jpg'; check the pattern
    """
    found = sorted(Path(each) for each in glob.glob(os.path.expanduser(pattern), recursive=True))
    images = [each for each in found if each.suffix.lower() in SUFFIXES and each.is_file()]
    if not images:
        raise ValueError(f"no image file matches {shown(pattern)}; check the pattern")
    return images
