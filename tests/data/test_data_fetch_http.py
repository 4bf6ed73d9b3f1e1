"""Files from a real server on loopback that behaves as badly as servers do."""

import gzip
import hashlib
import http.server
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from mlops_runner.data.fetch import base
from mlops_runner.data.fetch.base import Wanted, fetch
from mlops_runner.errors import InvalidInput, StepFailed
from mlops_runner.specs.data_sources import HttpSource

TABLE = b"a,b\n1,2\n" * 1000
DIGEST = f"sha256:{hashlib.sha256(TABLE).hexdigest()}"


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        """A client that hangs up is what some tests are about."""


class Behaviour(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.seen.append((self.headers["Host"].partition(":")[0], self.path, dict(self.headers)))
        name, _, argument = self.path.strip("/").partition("/")
        getattr(self, f"on_{name}")(argument)

    def answer(self, body=b"", status=200, **headers):
        self.send_response(status)
        headers = {"Content-Length": str(len(body)), **{k.replace("_", "-"): v for k, v in headers.items()}}
        for header, value in headers.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(body)

    def on_table(self, _):
        self.answer(TABLE)

    def on_packed(self, _):
        self.answer(gzip.compress(TABLE), Content_Encoding="gzip")

    def on_bomb(self, _):
        self.answer(gzip.compress(b"0" * 50_000_000), Content_Encoding="gzip")

    def on_garbled(self, _):
        self.answer(TABLE, Content_Encoding="gzip")

    def on_page(self, _):
        self.answer(b"\n<!DOCTYPE html><title>Log in</title>")

    def on_status(self, status):
        self.answer(b"sorry", int(status))

    def on_flaky(self, times):
        seen = sum(path == self.path for _, path, _ in self.server.seen)
        self.answer(TABLE if seen > int(times) else b"sorry", 200 if seen > int(times) else 503)

    def on_short(self, _):
        self.answer(TABLE[:100], Content_Length="8000")
        self.close_connection = True

    def on_chunks(self, end):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(TABLE), TABLE) + (b"0\r\n\r\n" if end else b""))
        self.close_connection = True

    def on_endless(self, _):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        while True:
            self.wfile.write(b"x" * 65536)

    def on_reset(self, _):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def on_hops(self, left):
        self.answer(status=302, Location=f"/hops/{int(left) - 1}" if int(left) else "/table")

    def on_to(self, url):
        self.answer(status=307, Location=url)

    def on_nowhere(self, _):
        self.answer(status=301)


@pytest.fixture(scope="module")
def server():
    with Server(("127.0.0.1", 0), Behaviour) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def web(server, tmp_path, monkeypatch):
    monkeypatch.setattr(base, "PAUSES", (0.0, 0.0))
    server.seen = []
    return Web(server, tmp_path / "file")


class Web:
    def __init__(self, server, target):
        self.server, self.target, self.said = server, target, []
        self.url = f"http://127.0.0.1:{server.server_port}"

    def fetch(self, path, secrets=None, surroundings=None, **fields):
        url = self.url + path if isinstance(path, str) and not path.startswith("http") else path
        fields = {"kind": "http", "url": url, "format": {"kind": "csv"}, **fields}
        self.target.unlink(missing_ok=True)
        wanted = Wanted(
            HttpSource.model_validate(fields), {}, "error", self.target.parent, secrets or {}, surroundings or {}
        )
        return fetch(wanted, self.target, self.said.append)

    def complaint(self, *args, error=StepFailed, **fields):
        with pytest.raises(error) as caught:
            self.fetch(*args, **fields)
        assert len(caught.value.diagnostics) == 1
        return caught.value.diagnostics[0]


@pytest.mark.parametrize("path", ["/table", "/packed", "/chunks/whole", "/hops/4", "/flaky/2"])
def test_the_digest_is_that_of_the_stored_bytes(web, path):
    found = web.fetch(path)
    assert (found.digest, found.size, found.rows) == (DIGEST, len(TABLE), None)
    assert web.target.read_bytes() == TABLE


def test_another_file_than_the_pinned_one_is_refused(web):
    assert web.fetch("/table", digest=DIGEST).digest == DIGEST
    other = f"sha256:{'0' * 64}"
    found = web.complaint("/table", digest=other)
    assert found.code == "pin-differs"
    assert DIGEST in found.message
    assert other in found.message


@pytest.mark.parametrize(
    ("path", "code", "words", "attempts"),
    [
        ("/status/404", "http-status", "answered 404 Not Found", 1),
        ("/status/401", "http-status", "answered 401 Unauthorized", 1),
        ("/status/204", "http-status", "answered 204", 1),
        ("/status/500", "http-status", "answered 500 Internal Server Error (after 3 attempts)", 3),
        ("/short", "http-truncated", "100 bytes came, 7900 are missing (after 3 attempts)", 3),
        ("/chunks/", "http-truncated", "broke off before the end", 3),
        ("/reset", "http-unreachable", "Connection reset by peer (after 3 attempts)", 3),
        ("/garbled", "http-encoding", "not encoded as it says", 1),
        ("/page", "http-page", "a web page, not with csv", 1),
        ("/hops/5", "http-redirects", "more than 5 times", 6),
        ("/nowhere", "http-redirects", "redirects, but does not say where to", 1),
        ("/to/file:///etc/passwd", "http-redirects", "no web address", 1),
        ("/to/ftp://example.org/a", "http-redirects", "no web address", 1),
    ],
)
def test_what_goes_wrong_is_said_in_one_sentence(web, path, code, words, attempts):
    found = web.complaint(path)
    assert found.code == code
    assert words in found.message
    assert len(web.server.seen) == attempts


@pytest.mark.parametrize("path", ["/endless", "/bomb", "/table"])
def test_no_more_than_the_limit_is_read(web, path):
    found = web.complaint(path, max_bytes=5000)
    assert (found.code, "max_bytes: 5000" in found.message) == ("http-too-large", True)
    assert not web.target.exists() or web.target.stat().st_size <= 5000


def test_a_full_disk_is_one_message(web, monkeypatch):
    monkeypatch.setattr(web, "target", Path("/dev/full"))
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    found = web.complaint("/table")
    assert (found.code, found.message) == (
        "snapshot-unwritable", "the snapshot cannot be written: No space left on device",
    )  # fmt: skip


def test_a_server_that_is_not_there_is_named_with_the_reason(web):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = web.complaint(f"http://127.0.0.1:{port}/table")
    assert f"http://127.0.0.1:{port}/table cannot be reached: Connection refused (after 3 attempts)" in found.message


def test_a_server_that_falls_silent_is_given_up(web, monkeypatch):
    monkeypatch.setattr("mlops_runner.data.fetch.http.TIMEOUTS", (0.2, 0.05))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = web.complaint(f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert found.code == "http-unreachable"


def test_plain_text_where_tls_is_expected_is_no_secure_connection(web):
    assert web.complaint(web.url.replace("http:", "https:")).code == "http-tls"


def test_secrets_are_sent_to_the_host_they_are_for_and_to_no_other(web):
    headers = {"Authorization": {"secret": "TOKEN"}, "X-Key": {"secret": "KEY"}, "X-Plain": "shown"}
    secrets = {"TOKEN": "Bearer abc\n", "KEY": "k3y"}
    there = f"http://localhost:{web.server.server_port}"
    web.fetch(f"/to/{there}/to/{web.url}/table", headers=headers, secrets=secrets)
    sent = [(host, h.get("Authorization"), h.get("X-Key"), h.get("X-Plain")) for host, _, h in web.server.seen]
    assert sent[0] == ("127.0.0.1", "Bearer abc", "k3y", "shown")
    assert sent[1:] == [("localhost", None, None, "shown"), ("127.0.0.1", None, None, "shown")]
    assert not any("abc" in line or "k3y" in line for line in web.said)


def test_an_address_may_be_a_secret_that_nothing_shows(web):
    address = web.url.replace("//", "//me:h1dden@") + "/table"
    secrets = {"FILE": address}
    assert web.fetch({"secret": "FILE"}, secrets=secrets).digest == DIGEST
    assert web.server.seen[0][2]["Authorization"].startswith("Basic ")
    assert not any("h1dden" in line for line in web.said)
    found = web.complaint({"secret": "FILE"}, secrets={"FILE": address.replace("/table", "/status/404")})
    assert found.message == "FILE answered 404 Not Found"


def test_a_secret_that_is_no_address_is_refused_without_being_shown(web):
    found = web.complaint({"secret": "FILE"}, secrets={"FILE": "h1dden"}, error=InvalidInput)
    assert (found.code, found.message) == ("invalid-url", "FILE is not a web address")


@pytest.mark.parametrize("value", ["two\nlines", "späße", "nul\0"])
def test_a_header_that_cannot_be_sent_is_refused_without_being_shown(web, value):
    found = web.complaint("/table", headers={"X-Key": {"secret": "K"}}, secrets={"K": value}, error=InvalidInput)
    assert found.code == "invalid-header"
    assert value not in found.message
    assert not web.server.seen


def test_proxies_of_the_machine_are_used_and_their_exceptions_respected(web):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert web.complaint("/table", surroundings={"http_proxy": dead}).code == "http-unreachable"
    assert web.fetch("/table", surroundings={"HTTP_PROXY": dead, "NO_PROXY": "127.0.0.1"}).digest == DIGEST


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A server with a certificate that nobody signed, and the file of that certificate."""
    folder = tmp_path_factory.mktemp("tls")
    pair = ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem"]
    about = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2"]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *pair, *about]
    subprocess.run(made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    with Server(("127.0.0.1", 0), Behaviour) as server:
        server.seen = []
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://localhost:{server.server_port}", str(folder / "certificate.pem")
        server.shutdown()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_certificates_are_checked_and_what_was_encrypted_stays_so(web, secure):
    url, certificate = secure
    trusted = {"SSL_CERT_FILE": certificate}
    assert web.fetch(f"{url}/table", surroundings=trusted).digest == DIGEST
    found = web.complaint(f"{url}/table")
    assert (found.code, "certificate" in found.message) == ("http-tls", True)
    found = web.complaint(f"{url}/to/{web.url}/table", surroundings=trusted)
    assert "redirects from https to http (127.0.0.1)" in found.message
    assert not web.server.seen
