"""Where tests get files: a server that misbehaves in every way we could think of, and real MNIST if it is at hand."""

import gzip
import hashlib
import http.server
import os
import threading
from pathlib import Path

from gancourse.data import files

SHARED = Path(__file__).parents[3] / "shared" / "data"
REAL = next(
    (folder for folder in (os.environ.get("GANCOURSE_DATA"), SHARED) if folder and (Path(folder) / "mnist").is_dir()),
    None,
)

CONTENT = {"first-file": bytes(range(256)) * 40, "second-file": b"second " * 500}
BOMB = gzip.compress(bytes(50_000_000), 1)  # 200 kB that become 50 MB
PACKED = {name: gzip.compress(content, mtime=0) for name, content in CONTENT.items()}


def published(*addresses, by_gz=False):
    """A data set of two small files, vouched for by the unpacked bytes or by the .gz files."""
    made = []
    for name, content in CONTENT.items():
        sums = {"sha256_gz": hashlib.sha256(PACKED[name]).hexdigest()} if by_gz else {}
        made.append(
            files.PublishedFile(name, len(content), **(sums or {"sha256": hashlib.sha256(content).hexdigest()}))
        )
    return files.PublishedSet("letters", "The letters", tuple(made), tuple(addresses))


class Server:
    """A web server on the loopback; the first part of an address's path says how it behaves."""

    def __init__(self):
        self.requests, self.closing = [], threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append(self.path)
                outer.answer(self, *self.path.strip("/").split("/"))

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def address(self, behaviour):
        return f"http://127.0.0.1:{self.http.server_port}/{behaviour}/"

    def addresses(self, *behaviours):
        return [self.address(behaviour) for behaviour in behaviours]

    def answer(self, request, behaviour, name):
        right = PACKED[name.removesuffix(".gz")]
        body = {
            "right": right,
            "plain": CONTENT[name.removesuffix(".gz")],
            "repacked": gzip.compress(CONTENT[name.removesuffix(".gz")], 1, mtime=1),
            "html": b"<!DOCTYPE html><html><body>Quota exceeded</body></html>",
            "xml": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
            "cut": right[: len(right) // 2],
            "flipped": right[:-20] + bytes([right[-20] ^ 1]) + right[-19:],
            "other": gzip.compress(CONTENT[name.removesuffix(".gz")][::-1]),
            "empty": b"",
            "huge": b"x" * 3_000_000,
            "inflates": BOMB,
        }.get(behaviour, b"")
        try:
            if behaviour in ("403", "404", "503"):
                return request.send_error(int(behaviour))
            if behaviour == "silent":
                return self.closing.wait(20)
            request.send_response(200)
            promised = len(right) if behaviour in ("drip", "hang-up") else len(body)
            request.send_header("Content-Length", str(promised))
            request.end_headers()
            if behaviour == "drip":
                for byte in right:
                    request.wfile.write(bytes([byte]))
                    if self.closing.wait(0.1):
                        return None
            elif behaviour == "hang-up":
                request.wfile.write(right[:100])
            else:
                request.wfile.write(body)
        except OSError:  # the other side has given up, as it should
            return None

    def close(self):
        self.closing.set()
        self.http.shutdown()
        self.http.server_close()
