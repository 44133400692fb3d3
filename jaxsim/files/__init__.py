"""Files on disk: written whole, recorded by content, never taken for ours by their names."""

from jaxsim.files.owned import JOURNAL, OwnedFiles
from jaxsim.files.whole import content_hash, partial_file, read_json, write_json, write_whole

__all__ = ["JOURNAL", "OwnedFiles", "content_hash", "partial_file", "read_json", "write_json", "write_whole"]
