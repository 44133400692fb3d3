"""What jaxsim has written into a folder: a journal of names and contents, by which alone a file counts as ours."""

import hashlib
import json
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from jaxsim.files.whole import content_hash, partial_file, write_whole

JOURNAL = "jaxsim.jsonl"


class OwnedFiles:
    """The files of a folder that jaxsim has written, told by their content.

    Each line of `jaxsim.jsonl` is a name and the sha256 of what was written under it. A line is appended before the
    file is moved to its place, so a run that is killed never leaves a file that it does not know again, and several
    processes may append. A file is ours while its content is one that was written under its name: a file that is not
    in the journal, or that was changed since, is never replaced and never removed.

    Args:
        folder: Exists.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> files = OwnedFiles(folder)
        >>> files.write("a.csv", b"1")
        >>> files.owns("a.csv"), files.owns("b.csv")
        (True, False)
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._written: dict[str, set[str]] = {}
        self._last: dict[str, str] = {}
        self._read()

    def __iter__(self) -> Iterator[str]:
        """Names of all files that were ever written here."""
        return iter(tuple(self._written))

    def __contains__(self, name: str) -> bool:
        """Whether a file of that name was ever written here."""
        return name in self._written

    def last_written(self, name: str) -> str:
        """The sha256 of what this object has last written under a name."""
        return self._last[name]

    def owns(self, name: str) -> bool:
        """Whether a file is there and is as it was written."""
        path = self.folder / name
        if name not in self._written or not _is_regular(path):
            return False
        return content_hash(path) in self._written[name]

    def may_write(self, name: str) -> bool:
        """Whether a file may be written: nothing is there, or a file of ours."""
        return not os.path.lexists(self.folder / name) or self.owns(name)

    def check(self, names: Collection[str]) -> None:
        """Refuses names under which there is something that is not ours.

        Args:
            names: Of the files to be written.

        Raises:
            ValueError: One is taken; nothing is changed.
        """
        taken = [name for name in names if not self.may_write(name)]
        if taken:
            raise _foreign(self.folder / taken[0], len(taken) - 1)

    def write(self, name: str, content: bytes) -> None:
        """Writes a file and records it.

        Args:
            name: Relative to the folder, with "/".
            content: All of it.

        Raises:
            ValueError: There is a file of that name that is not ours and holds something else.
            OSError: It cannot be written; names it.
        """
        digest = hashlib.sha256(content).hexdigest()
        self._record_new(name, digest)
        write_whole(self.folder / name, content)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yields a partial file to write to, and moves it to its place and records it at the end.

        Args:
            name: Relative to the folder, with "/".

        Raises:
            ValueError: There is a file of that name that is not ours and holds something else.
            OSError: It cannot be written; names it.
        """
        with partial_file(self.folder / name) as partial:
            yield partial
            self._record_new(name, content_hash(partial))

    def remove(self, names: Collection[str]) -> None:
        """Removes those of the files that are ours; others stay.

        Args:
            names: Relative to the folder.
        """
        for name in names:
            if self.owns(name):
                (self.folder / name).unlink(missing_ok=True)

    def _record_new(self, name: str, digest: str) -> None:
        path = self.folder / name
        if os.path.lexists(path) and not self.owns(name) and not (_is_regular(path) and content_hash(path) == digest):
            raise _foreign(path, 0)
        self._last[name] = digest
        if digest in self._written.get(name, ()):
            return
        line = json.dumps({"file": name, "sha256": digest}) + "\n"
        journal = self.folder / JOURNAL
        # One write of a short line at the end: whole, whoever else appends.
        handle = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            # A line that a killed process has cut off ends here.
            os.write(handle, (("\n" if self._cut_off() else "") + line).encode("ascii"))
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(journal)) from error
        finally:
            os.close(handle)
        self._written.setdefault(name, set()).add(digest)

    def _cut_off(self) -> bool:
        journal = self.folder / JOURNAL
        with journal.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"

    def _read(self) -> None:
        """Takes in the journal; a line that is damaged is no record, so its file is left alone."""
        journal = self.folder / JOURNAL
        if not _is_regular(journal):
            return
        for line in journal.read_bytes().splitlines():
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if not isinstance(entry, dict):
                continue
            name, digest = entry.get("file"), entry.get("sha256")
            if isinstance(name, str) and isinstance(digest, str) and _is_inside(name):
                self._written.setdefault(name, set()).add(digest)


def _is_inside(name: str) -> bool:
    """Whether a name stays in the folder: a journal may be anybody's."""
    return bool(name) and not name.startswith("/") and ".." not in name.split("/")


def _is_regular(path: Path) -> bool:
    """Whether there is a file, not a link to one and not a pipe."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _foreign(path: Path, others: int) -> ValueError:
    more = f" (and {others} more)" if others else ""
    return ValueError(
        f"{path}{more} was not written by jaxsim, or was changed since, as far as {JOURNAL} tells, and would be "
        "replaced: move it elsewhere, or choose another output folder"
    )
