"""A file on the web as the source: a real server on loopback, a pin, a secret header."""

import hashlib
import http.server
import threading

import pytest

TOKEN = "t0ken-0f-ada"


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, table):
        super().__init__(("127.0.0.1", 0), Files)
        self.table, self.asked = table, []


class Files(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append(self.headers["Authorization"])
        allowed = self.headers["Authorization"] == f"Bearer {TOKEN}"
        body = self.server.table if allowed else f"who is {self.headers['Authorization']}?".encode()
        self.send_response(200 if allowed else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server(fresh):
    with Server((fresh.root / "data/visits.csv").read_bytes().replace(b",", b";")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def shop(fresh, server, monkeypatch):
    """The pipeline over a file that the server keeps for those with a token."""
    monkeypatch.setenv("SHOP_TOKEN", f"Bearer {TOKEN}")
    source = f"""\
source:
  kind: http
  url: http://127.0.0.1:{server.server_port}/visits.csv
  format: {{kind: csv, delimiter: ";"}}
  headers:
    Authorization: {{secret: SHOP_TOKEN}}  # ask Ada
"""
    fresh.edit("specs/data.yaml", "source: {kind: csv, path: data/visits.csv}\n", source)
    (fresh.root / "data/visits.csv").unlink()
    fresh.commit()
    return fresh


def test_a_file_is_pinned_by_its_digest_fetched_once_and_read_with_its_dialect(shop, server):
    assert "error[not-pinned]" in shop.call("run").err
    answer = shop.call("data", "refresh")
    assert answer.code == 0, answer.err
    digest = f"sha256:{hashlib.sha256(server.table).hexdigest()}"
    assert f"  digest  not pinned → {digest}\n  fetched {len(server.table):,} bytes\n" in answer.out
    assert shop.call("run", "--no-report").code == 0
    assert shop.call("verify").code == 0
    assert shop.call("run", "--force", "--no-report").code == 0
    assert (shop.root / "artifacts/source/snapshot.csv").read_bytes() == server.table
    assert server.asked == [f"Bearer {TOKEN}"]
    shop.edit("specs/data.yaml", 'delimiter: ";"', 'delimiter: ";", trim: true')
    assert shop.to_do()["data"] == "rerun"
    assert "source" not in shop.to_do()


def test_no_file_and_no_output_holds_the_token(shop, server):
    answers = [shop.call("data", "refresh"), shop.call("run"), shop.call("why", "source"), shop.call("plan", "--json")]
    assert [answer.code for answer in answers] == [0, 0, 0, 0]
    texts = [(answer.out + answer.err).encode() for answer in answers]
    texts += [path.read_bytes() for path in shop.root.rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in text for text in texts)
    assert "SHOP_TOKEN" not in shop.read("pipeline.lock")


def test_another_file_under_the_same_address_is_refused(shop, server):
    shop.call("data", "refresh")
    shop.commit()
    other = type(shop)(shop.root.parent / "other")
    shop.git("clone", "-q", ".", str(other.root))
    server.table += b"1;desk;yes\n"
    answer = other.call("run")
    assert answer.code == 1
    assert "error[pin-differs]: there is another file than the pinned ones" in answer.err
    assert f"sha256:{hashlib.sha256(server.table).hexdigest()}, not sha256:" in answer.err
    assert other.objects() == []
    assert other.call("data", "refresh", "--check").code == 2


def test_who_has_no_token_or_a_wrong_one_is_told(shop, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", "Bearer gue55ed")
    answer = shop.call("data", "refresh")
    assert answer.code == 1
    assert "answered 403 Forbidden" in answer.err
    assert "check source.headers" in answer.err
    assert "gue55ed" not in answer.err + shop.read(".mlops/logs/source.log")
    monkeypatch.delenv("SHOP_TOKEN")
    answer = shop.call("data", "refresh")
    assert answer.code == 65
    assert (
        "error[secret-missing]: the environment variable SHOP_TOKEN is not set\n  --> specs/data.yaml:9:29"
        in answer.err
    )


def test_a_body_without_end_is_cut_off(shop, server):
    shop.edit("specs/data.yaml", "  headers:", "  max_bytes: 100\n  headers:")
    answer = shop.call("data", "refresh")
    assert answer.code == 1
    assert "answers with more than max_bytes: 100" in answer.err
    assert shop.objects() == []
