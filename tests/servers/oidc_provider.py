"""A small real OpenID Connect provider on loopback, in a thread of its own: keys, discovery, tokens.

It can be stopped and come back on the same port, be slow, answer rubbish, and change its keys.
"""

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from tifo.kernel.clock import SystemClock

AUDIENCE = "tifo"
KEYS_PATH, DISCOVERY_PATH, HEALTH_PATH = "/keys", "/.well-known/openid-configuration", "/health"
STOP_S_MAX = 5.0

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def new_key(kid: str, algorithm: str) -> RSAKey | ECKey:
    """A key of the kind that the algorithm signs with."""
    about = {"kid": kid, "use": "sig", "alg": algorithm}
    if algorithm in _CURVES:
        return ECKey.generate_key(_CURVES[algorithm], about)
    return RSAKey.generate_key(2048, about)


class OidcServer:
    """The provider. `answers` overrides what a path is answered, `asked` counts what was asked."""

    def __init__(self, *algorithms: str) -> None:
        self.keys = {alg: new_key(f"key-{alg}", alg) for alg in algorithms or ("RS256", "ES256")}
        self.answers: dict[str, bytes] = {}
        self.asked: Counter[str] = Counter()
        self.slow = threading.Event()
        self._let_go = threading.Event()
        self._port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def keys_uri(self) -> str:
        return self.issuer + KEYS_PATH

    @property
    def health_uri(self) -> str:
        return self.issuer + HEALTH_PATH

    @property
    def stopped(self) -> bool:
        return self._server is None

    def start(self) -> None:
        """On a free port the first time, on the same one again."""
        server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        server.daemon_threads = True
        self._port = server.server_address[1]
        self._server = server
        self._let_go.clear()
        # Asks seldom whether to stop, which is what stopping waits for.
        threading.Thread(target=server.serve_forever, args=(0.02,), name="oidc-provider", daemon=True).start()

    def stop(self) -> None:
        """Be gone: what is asked from now on is refused a connection."""
        if self._server is not None:
            self._let_go.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def rotate(self, algorithm: str, kid: str) -> None:
        """Sign with a new key; the old one is gone from the set."""
        self.keys[algorithm] = new_key(kid, algorithm)

    def jwks(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False) for key in self.keys.values()]}

    def claims(self, account: str, **more: Any) -> dict[str, Any]:
        """What an access token says; a claim of None is left out."""
        now = int(SystemClock().now())
        said = {"iss": self.issuer, "aud": AUDIENCE, "sub": account, "iat": now, "exp": now + 600, **more}
        return {name: value for name, value in said.items() if value is not None}

    def token(self, account: str, algorithm: str = "RS256", **more: Any) -> str:
        """An access token by the key of now."""
        key = self.keys[algorithm]
        return signed({"alg": algorithm, "kid": key.kid, "typ": "at+jwt"}, self.claims(account, **more), key)

    def _answer(self, path: str) -> bytes | None:
        if path in self.answers:
            return self.answers[path]
        if path == KEYS_PATH:
            return json.dumps(self.jwks()).encode()
        if path == DISCOVERY_PATH:
            return json.dumps({"issuer": self.issuer, "jwks_uri": self.keys_uri}).encode()
        return b"{}" if path == HEALTH_PATH else None

    def _handler(provider) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked[self.path] += 1
                if provider.slow.is_set():
                    provider._let_go.wait(STOP_S_MAX)
                body = provider._answer(self.path)
                with contextlib.suppress(OSError):  # whoever asked may have gone
                    self.send_response(404 if body is None else 200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body or b"")))
                    self.end_headers()
                    self.wfile.write(body or b"")

            def log_message(self, *_: Any) -> None: ...

        return Handler


def signed(header: dict[str, Any], claims: dict[str, Any] | bytes, key: Any) -> str:
    """A compact JWS by any algorithm that signs, also one that should not be accepted."""
    text = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    registry = jws.JWSRegistry(algorithms=[header["alg"]])
    return jws.serialize_compact(header, text, key, registry=registry)


@contextlib.contextmanager
def running(*algorithms: str) -> Iterator[OidcServer]:
    """A provider with a key for each algorithm, stopped at the end."""
    server = OidcServer(*algorithms)
    server.start()
    try:
        yield server
    finally:
        server.stop()
