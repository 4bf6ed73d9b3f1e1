"""HTTP: one file, streamed to disk and digested on the way; size, redirects and patience have bounds."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import should_bypass_proxies
from urllib3.exceptions import DecodeError, HTTPError, IncompleteRead

from mlops_runner.data.fetch.base import Fetched, Unreachable, Wanted
from mlops_runner.errors import Diagnostic, InvalidInput, StepFailed
from mlops_runner.specs.base import Secret
from mlops_runner.specs.data_sources import HttpSource

CHUNK = 1 << 18
TIMEOUTS = (15.0, 60.0)  # seconds to connect; between two pieces of an answer
REDIRECTS = 5
MOVED = frozenset({301, 302, 303, 307, 308})
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
PRIVATE = frozenset({"authorization", "cookie", "proxy-authorization"})
PORTS = {"http": 80, "https": 443}
HINTS = {
    401: "the server asks who you are: check source.headers",
    403: "the server lets others in, not you: check source.headers",
    404: "correct source.url",
    410: "the file was removed for good: find another source",
}


def fetch(wanted: Wanted, target: Path, log: Callable[[str], None]) -> Fetched:
    """Fetch the file; see `base.Fetcher`. The digest is that of the bytes as they are stored."""
    source = wanted.source
    assert isinstance(source, HttpSource)
    with _session() as session, _in_our_words(source), _asked(session, wanted, source) as answer:
        log(f"{_name(source)} answered {answer.status_code}")
        announced = answer.headers.get("Content-Length", "")
        _refuse_large(source, int(announced) if announced.isdecimal() else 0)
        digest, size = hashlib.sha256(), 0
        with target.open("wb") as stream:
            for piece in answer.raw.stream(CHUNK, decode_content=True):
                if size == 0:
                    _refuse_page(source, piece)
                size += len(piece)
                _refuse_large(source, size)
                digest.update(piece)
                stream.write(piece)
    return Fetched(f"sha256:{digest.hexdigest()}", size)


def _session() -> requests.Session:
    """Return a session that sends what the document says, and nothing that lies around on the machine."""
    session = requests.Session()
    session.trust_env = False
    session.headers.clear()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=0))
    return session


def _asked(session: requests.Session, wanted: Wanted, source: HttpSource) -> requests.Response:
    """Follow redirects to the answer that holds the file."""
    url, headers = _address(wanted, source), _headers(wanted, source)
    for _ in range(REDIRECTS + 1):
        _route(session, wanted, url)
        answer = session.get(url, headers=headers, stream=True, allow_redirects=False, timeout=TIMEOUTS)
        if answer.status_code not in MOVED:
            return _accepted(answer, source)
        target = session.get_redirect_target(answer)
        answer.close()
        if not target:
            raise _failed(
                "http-redirects", f"{_name(source)} redirects, but does not say where to", "correct source.url"
            )
        there = urljoin(url, target)
        _refuse_detour(source, url, there)
        if _origin(there) != _origin(url):
            hidden = {name for name, value in source.headers.items() if isinstance(value, Secret)}
            headers = {n: v for n, v in headers.items() if n not in hidden and n.lower() not in PRIVATE}
            session.cookies.clear()
        url = there
    raise _failed("http-redirects", f"{_name(source)} redirects more than {REDIRECTS} times", "name the last address")


def _name(source: HttpSource) -> str:
    """Return what messages call the file: its address, or the name of the secret that holds it."""
    return source.url.secret if isinstance(source.url, Secret) else source.url


def _address(wanted: Wanted, source: HttpSource) -> str:
    url = wanted.reveal(source.url).strip()
    with contextlib.suppress(ValueError):
        scheme, host, _ = _origin(url)
        if scheme in PORTS and host and url.isprintable():
            return url
    message = f"{_name(source)} is not a web address"
    raise InvalidInput(Diagnostic("invalid-url", message, hint="for example https://host/path", path="source.url"))


def _headers(wanted: Wanted, source: HttpSource) -> dict[str, str]:
    headers = {"User-Agent": "mlops_runner", "Accept": "*/*", "Accept-Encoding": "identity"}
    for name, value in source.headers.items():
        text = wanted.reveal(value).strip()
        if not (text.isprintable() and text.isascii() and name.isascii() and name.isprintable()):
            message = f"the value of the header {name} holds characters that a header must not hold"
            raise InvalidInput(
                Diagnostic("invalid-header", message, hint="a header is one line of ASCII text", path="source.headers")
            )
        headers = {n: v for n, v in headers.items() if n.lower() != name.lower()} | {name: text}
    return headers


def _route(session: requests.Session, wanted: Wanted, url: str) -> None:
    """Go through the proxy, and trust the authorities, that this machine is set up for."""
    known = {name.upper(): value for name, value in wanted.surroundings.items() if value}
    bypass = should_bypass_proxies(url, known.get("NO_PROXY", ""))
    session.proxies = {} if bypass else {s: known[f"{s.upper()}_PROXY"] for s in PORTS if f"{s.upper()}_PROXY" in known}
    session.verify = known.get("REQUESTS_CA_BUNDLE") or known.get("SSL_CERT_FILE") or True


def _accepted(answer: requests.Response, source: HttpSource) -> requests.Response:
    if answer.status_code == requests.codes.ok:
        return answer
    status = answer.status_code
    answer.close()
    found = Diagnostic(
        "http-status", f"{_name(source)} answered {status} {answer.reason}", hint=HINTS.get(status), path="source.url"
    )
    raise Unreachable(found) if status in PASSING else StepFailed(found)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    found = urlsplit(url)
    return found.scheme, found.hostname, found.port or PORTS.get(found.scheme)


def _refuse_detour(source: HttpSource, here: str, there: str) -> None:
    scheme, host, _ = _origin(there)
    if scheme not in PORTS or not host:
        raise _failed("http-redirects", f"{_name(source)} redirects to what is no web address", "correct source.url")
    if _origin(here)[0] == "https" and scheme == "http":
        message = f"{_name(source)} redirects from https to http ({host})"
        raise _failed("http-redirects", message, "find an address that stays encrypted")


def _refuse_large(source: HttpSource, size: int) -> None:
    if size > source.max_bytes:
        message = f"{_name(source)} answers with more than max_bytes: {source.max_bytes}"
        hint = "raise max_bytes, if the file is meant to be so large"
        raise StepFailed(Diagnostic("http-too-large", message, hint=hint, path="source.max_bytes"))


def _refuse_page(source: HttpSource, start: bytes) -> None:
    if start[:200].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        message = f"{_name(source)} answered with a web page, not with {source.format.kind}"
        raise _failed("http-page", message, "a login, or an error? look at it in a browser, and correct source.url")


@contextlib.contextmanager
def _in_our_words(source: HttpSource) -> Iterator[None]:
    """Translate what the library raises; its own texts show addresses in full, and what was sent."""
    try:
        yield
    except requests.exceptions.SSLError as error:
        message = f"{_name(source)}: no secure connection: {_cause(error)}"
        raise _failed("http-tls", message, "SSL_CERT_FILE names authorities of your own") from None
    except (requests.ConnectionError, requests.Timeout) as error:
        message = f"{_name(source)} cannot be reached: {_cause(error)}"
        raise Unreachable(
            Diagnostic("http-unreachable", message, hint="is the server up?", path="source.url")
        ) from None
    except DecodeError:
        raise _failed("http-encoding", f"{_name(source)}: the answer is not encoded as it says", None) from None
    except HTTPError as error:
        message = f"{_name(source)} broke off before the end: {_cause(error)}"
        hint = "is the server, or the line, in order?"
        raise Unreachable(Diagnostic("http-truncated", message, hint=hint, path="source.url")) from None
    except (requests.RequestException, UnicodeError) as error:
        raise _failed("http-request", f"{_name(source)}: {type(error).__name__}", "correct source.url") from None


def _cause(error: BaseException) -> str:
    """Name the innermost reason, in the words of the system where it has some."""
    inner: BaseException | None = error
    words = type(error).__name__
    while inner is not None:
        words = (isinstance(inner, OSError) and inner.strerror) or type(inner).__name__
        if isinstance(inner, IncompleteRead) and inner.expected:
            return f"{inner.partial} bytes came, {inner.expected} are missing"
        inner = inner.__cause__ or inner.__context__
    return words


def _failed(code: str, message: str, hint: str | None) -> StepFailed:
    return StepFailed(Diagnostic(code, message, hint=hint, path="source.url"))
