"""Buckets over HTTP on 127.0.0.1: as much of S3 and of Google Cloud Storage as TensorStore asks for."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

_PAGE = 7  # names in one answer to a listing: small, so that it takes several


@dataclass
class Buckets:
    """What is stored, and what is to go wrong.

    Attributes:
        url: Of the server.
        objects: "bucket/name" -> content.
        conditional: Whether conditions of writes (If-Match, If-None-Match) count.
        full: Whether writes are refused from now on.
    """

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    conditional: bool = True
    full: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextlib.contextmanager
def serve() -> Iterator[Buckets]:
    """Yields buckets that are served until the block ends."""
    buckets = Buckets()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"buckets": buckets}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    buckets.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield buckets
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: of two, the second waits for the client's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    buckets: Buckets

    def log_message(self, *arguments):
        pass

    def _answer_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        split = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
        with self.buckets.lock:
            if self.buckets.full and self.command in ("PUT", "POST"):
                self._answer(403, _error("QuotaExceeded", "the bucket is full"))
            elif "/storage/v1/b/" in split.path:
                self._google(split.path, asked, body)
            else:
                self._amazon(unquote(split.path).strip("/"), asked, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer_request

    def _amazon(self, name: str, asked: dict[str, str], body: bytes):
        objects = self.buckets.objects
        if "/" not in name:
            self._list_amazon(name, asked)
        elif self.command == "PUT":
            there = None if name not in objects else _tag(objects[name])
            wanted = self.headers.get("If-Match")
            taken = self.headers.get("If-None-Match") == "*" and there is not None
            if self.buckets.conditional and (taken or (wanted is not None and wanted != there)):
                self._answer(412, _error("PreconditionFailed", "it is another"))
                return
            objects[name] = body
            self._answer(200, b"", ETag=_tag(body))
        elif self.command == "DELETE":
            objects.pop(name, None)
            self._answer(204)
        elif name not in objects:
            self._answer(404, _error("NoSuchKey", "there is none"))
        elif self.headers.get("If-Match", _tag(objects[name])) != _tag(objects[name]):
            self._answer(412, _error("PreconditionFailed", "it is another"))
        elif self.headers.get("If-None-Match") == _tag(objects[name]):
            self._answer(304, ETag=_tag(objects[name]))
        else:
            self._content(objects[name], ETag=_tag(objects[name]))

    def _list_amazon(self, bucket: str, asked: dict[str, str]):
        names, last = self._page(bucket, asked.get("prefix", ""), asked.get("continuation-token", ""))
        found = "".join(f"<Contents><Key>{escape(name)}</Key><Size>1</Size></Contents>" for name in names)
        more = f"<NextContinuationToken>{_token(names[-1])}</NextContinuationToken>" if not last else ""
        text = (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>{str(not last).lower()}</IsTruncated>{more}{found}<KeyCount>{len(names)}</KeyCount>"
            "</ListBucketResult>"
        )
        self._answer(200, text.encode(), **{"x-amz-bucket-region": "us-east-1"})

    def _google(self, path: str, asked: dict[str, str], body: bytes):
        objects = self.buckets.objects
        bucket, _, rest = path.partition("/storage/v1/b/")[2].partition("/o")
        name = f"{bucket}/{asked['name'] if self.command == 'POST' else unquote(rest.strip('/'))}"
        generation = "0" if name not in objects else _generation(objects[name])
        wanted = asked.get("ifGenerationMatch", generation)
        if self.command == "GET" and not rest.strip("/"):
            names, last = self._page(bucket, asked.get("prefix", ""), asked.get("pageToken", ""), asked)
            more = {} if last else {"nextPageToken": _token(names[-1])}
            self._answer(200, json.dumps({"items": [{"name": each} for each in names]} | more).encode())
        elif wanted != generation:
            self._answer(412, b"{}")
        elif self.command == "POST":
            objects[name] = body
            about = {"name": asked["name"], "generation": _generation(body), "size": str(len(body))}
            self._answer(200, json.dumps(about).encode())
        elif name not in objects:
            self._answer(404, b"{}")
        elif self.command == "DELETE":
            objects.pop(name)
            self._answer(204)
        elif asked.get("ifGenerationNotMatch") == generation:
            self._answer(304)
        else:
            self._content(objects[name], **{"x-goog-generation": generation})

    def _page(
        self, bucket: str, prefix: str, after: str, between: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[list[str], bool]:
        """The next names of a bucket, and whether there are no more."""
        names = sorted(each.partition("/")[2] for each in self.buckets.objects if each.startswith(f"{bucket}/{prefix}"))
        first, end = between.get("startOffset", ""), between.get("endOffset")
        rest = [name for name in names if _token(name) > after and name >= first and (end is None or name < end)]
        return rest[:_PAGE], len(rest) <= _PAGE

    def _content(self, content: bytes, **headers: str):
        asked = self.headers.get("Range", "")
        if not asked:
            self._answer(200, content, **headers)
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, stop = int(first), min(int(last or len(content)) + 1, len(content))
        self._answer(
            206, content[start:stop], **headers, **{"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
        )

    def _answer(self, status: int, content: bytes = b"", **headers: str):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _tag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def _generation(content: bytes) -> str:
    return str(int(hashlib.sha256(content).hexdigest()[:12], 16) + 1)


def _token(name: str) -> str:
    """What stands for a name in an address, in the order of the names."""
    return name.encode().hex()


def _error(code: str, message: str) -> bytes:
    return f"<Error><Code>{quote(code)}</Code><Message>{message}</Message></Error>".encode()
