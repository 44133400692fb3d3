"""What jaxsim has written into a folder: a journal of names and contents, by which alone a file counts as ours."""

import hashlib
import json
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from jaxsim.files.reading import parse_json
from jaxsim.files.whole import content_hash, partial_file, write_whole

JOURNAL = "jaxsim.jsonl"


class OwnedFiles:
    """The files of a folder that jaxsim has written, told by their content.

    Each line of `jaxsim.jsonl` is a name and the sha256 of what was written under it. A line is appended before the
    file is moved to its place, so a run that is killed never leaves a file that it does not know again, and several
    processes may append. A file is ours while its content is one that was written under its name: a file that is not
    in the journal, or that was changed since, is never replaced and never removed. What is removed has a line, too, so
    that a file that somebody else took away can be told from it.

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
        self._removed: set[str] = set()
        self._read()

    def __iter__(self) -> Iterator[str]:
        """Names of all files that were ever written here."""
        return iter(tuple(self._written))

    def __contains__(self, name: str) -> bool:
        """Whether a file of that name was ever written here."""
        return name in self._written

    def missing(self) -> list[str]:
        """Names of the files that were written here, were not removed by `remove` since, and are not there.

        Example:
            >>> import tempfile
            >>> files = OwnedFiles(Path(tempfile.mkdtemp()))
            >>> for name in ("a.csv", "b.csv"):
            ...     files.write(name, b"1")
            >>> files.remove(["a.csv"])
            >>> (files.folder / "b.csv").unlink()
            >>> files.missing()
            ['b.csv']
        """
        return [name for name in self if name not in self._removed and not (self.folder / name).exists()]

    def last_written(self, name: str) -> str:
        """The sha256 of what this object has last written under a name."""
        return self._last[name]

    def owns(self, name: str) -> bool:
        """Whether a file is there and is as it was written."""
        path = self.folder / name
        if not _is_regular(path) or _link_above(self.folder, name) is not None:
            return False
        digest = None if name not in self._written else _hash_if_readable(path)
        if digest not in self._written.get(name, ()):
            self._read()  # another process may have written it meanwhile
            digest = None if name not in self._written else _hash_if_readable(path)
        return digest in self._written.get(name, ())

    def may_write(self, name: str) -> bool:
        """Whether a file may be written: nothing is there, or a file of ours."""
        return not os.path.lexists(self.folder / name) or self.owns(name)

    def check(self, names: Collection[str]) -> None:
        """Refuses names under which there is something that is not ours, and a journal that cannot be kept.

        Args:
            names: Of the files to be written.

        Raises:
            ValueError: One is taken or leads out of the folder by a link, or the journal is no file that can be
                written; nothing is changed.
        """
        if os.path.lexists(self.folder / JOURNAL):
            with _appended(self.folder / JOURNAL):
                pass
        check_below(self.folder, names)
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
        check_below(self.folder, [name])
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
                # Noted before: a run that is killed in between leaves a file that is still known, by its content.
                self._append({"file": name, "removed": True})
                self._removed.add(name)
                (self.folder / name).unlink(missing_ok=True)

    def _record_new(self, name: str, digest: str) -> None:
        path = self.folder / name
        check_below(self.folder, [name])
        if (
            os.path.lexists(path)
            and not self.owns(name)
            and not (_is_regular(path) and _hash_if_readable(path) == digest)
        ):
            raise _foreign(path, 0)
        self._last[name] = digest
        if digest in self._written.get(name, ()) and name not in self._removed:
            return
        self._append({"file": name, "sha256": digest})
        self._written.setdefault(name, set()).add(digest)
        self._removed.discard(name)

    def _append(self, entry: dict[str, str | bool]) -> None:
        line = json.dumps(entry) + "\n"
        with _appended(self.folder / JOURNAL) as handle:
            # A line that a killed process has cut off ends here; one write, whole, whoever else appends.
            os.write(handle, (("\n" if self._cut_off() else "") + line).encode("ascii"))

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
        try:
            lines = journal.read_bytes().splitlines()
        except OSError as error:
            raise ValueError(f"cannot read {journal}: {error.strerror or error}; change its permissions") from error
        for line in lines:
            try:
                entry = parse_json(line)
            except ValueError:
                continue
            if not isinstance(entry, dict):
                continue
            name, digest = entry.get("file"), entry.get("sha256")
            if not isinstance(name, str) or not _is_inside(name):
                continue
            if isinstance(digest, str):
                self._written.setdefault(name, set()).add(digest)
                self._removed.discard(name)
            elif entry.get("removed") is True:
                self._removed.add(name)


def check_below(folder: Path, names: Collection[str]) -> None:
    """Refuses names that lead out of a folder by a link: what is written and deleted is below it.

    Args:
        folder: The folder, which may be reached by links itself.
        names: Relative to it, with "/"; of files or folders that need not exist.

    Raises:
        ValueError: A folder on the way to one is a link, or is no folder; names it.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "figures").symlink_to("/")
        >>> check_below(folder, ["index.html"])
        >>> check_below(folder, ["figures/a.png"])  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: /.../figures is a link: ...
    """
    for name in names:
        above = _link_above(folder, name)
        if above is not None:
            what = "is a link" if above.is_symlink() else "is no folder"
            raise ValueError(
                f"{above} {what}: jaxsim writes and deletes only below the folder that it is given; move it elsewhere, "
                "or choose another output folder (which may be a link itself)"
            )


def _link_above(folder: Path, name: str) -> Path | None:
    """The first folder on the way to a name that is there and is a link, or no folder."""
    above = folder
    for part in name.split("/")[:-1]:
        above = above / part
        if above.is_symlink() or (above.exists() and not above.is_dir()):
            return above
    return None


@contextmanager
def _appended(journal: Path) -> Iterator[int]:
    """A handle that appends to a journal, which is made if it is not there.

    Raises:
        ValueError: There is something else of that name, or it may not be written.
        OSError: It cannot be written for another reason; names it.
    """
    if os.path.lexists(journal) and not _is_regular(journal):
        raise ValueError(
            f"expected {journal} to be a file, in which jaxsim notes what it has written, got "
            f"{'a link' if journal.is_symlink() else 'something else'}: move it elsewhere, or choose another output "
            "folder"
        )
    try:
        handle = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except PermissionError as error:
        raise ValueError(
            f"cannot write to {journal}, in which jaxsim notes what it has written: {error.strerror}; change its "
            "permissions, or choose another output folder"
        ) from error
    try:
        yield handle
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(journal)) from error
    finally:
        os.close(handle)


def _is_inside(name: str) -> bool:
    """Whether a name stays in the folder: a journal may be anybody's."""
    return bool(name) and not name.startswith("/") and ".." not in name.split("/")


def _is_regular(path: Path) -> bool:
    """Whether there is a file, not a link to one and not a pipe."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _hash_if_readable(path: Path) -> str | None:
    try:
        return content_hash(path)
    except OSError:
        return None  # so nobody can say that it is as it was written


def _foreign(path: Path, others: int) -> ValueError:
    more = f" (and {others} more)" if others else ""
    return ValueError(
        f"{path}{more} was not written by jaxsim, or was changed since, as far as {JOURNAL} tells, and would be "
        "replaced: move it elsewhere, or choose another output folder"
    )
