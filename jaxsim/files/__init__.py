"""Files on disk: written whole, recorded by content, never taken for ours by their names."""

from jaxsim.files.npy import check_texts, read_array
from jaxsim.files.optional import optional_library
from jaxsim.files.owned import JOURNAL, OwnedFiles, check_below
from jaxsim.files.reading import (
    NestedTooDeep,
    contents,
    is_there,
    open_regular,
    parse_json,
    read_json_object,
    read_regular,
)
from jaxsim.files.remote import BUCKETS, AnyPath, RemotePath, is_bucket, remote_context, rename, unlink_all
from jaxsim.files.separated import check_commas, read_cells
from jaxsim.files.whole import content_hash, partial_file, read_json, write_json, write_whole

__all__ = [
    "BUCKETS",
    "JOURNAL",
    "AnyPath",
    "NestedTooDeep",
    "OwnedFiles",
    "RemotePath",
    "check_below",
    "check_commas",
    "check_texts",
    "content_hash",
    "contents",
    "is_bucket",
    "is_there",
    "open_regular",
    "optional_library",
    "parse_json",
    "partial_file",
    "read_array",
    "read_cells",
    "read_json",
    "read_json_object",
    "read_regular",
    "remote_context",
    "rename",
    "unlink_all",
    "write_json",
    "write_whole",
]
