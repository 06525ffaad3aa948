"""The pages that `make pages` built, served from memory with what browsers and CDNs may keep."""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from falcon.asgi import Request, Response

from tifo.kernel.errors import Refusal
from tifo.serving.routes import Handler, Handlers, Listener, Route

HASHED_FOLDER = "assets/"
"""Files below it have a digest in their name, so they never change."""

PAGES_BYTES_MAX = 16 * 1024 * 1024

_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Page:
    """One file as it is sent."""

    body: bytes
    media: str
    etag: str
    cache_control: str


def read_pages(folder: str) -> Mapping[str, Page]:
    """The files of `tifo/pages/<folder>` by path; empty when the pages were not built."""
    root = Path(str(files("tifo") / "pages" / folder))
    found = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
    if sum(map(len, found.values())) > PAGES_BYTES_MAX:
        raise ValueError(f"the pages in {root} are larger than {PAGES_BYTES_MAX} bytes")
    return MappingProxyType({name: _page(name, body) for name, body in found.items()})


def _page(name: str, body: bytes) -> Page:
    media = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if media.startswith("text/") or media.endswith("javascript"):
        media += "; charset=utf-8"
    kept = "public, max-age=31536000, immutable" if name.startswith(HASHED_FOLDER) else "no-cache"
    return Page(body, media, f'"{sha256(body).hexdigest()[:20]}"', kept)


def routes(listener: Listener, paths: Mapping[str, str]) -> tuple[Route, ...]:
    """Routes of a listener's pages: `paths` maps a route name to its path."""
    return tuple(
        Route(name=name, method="GET", path=path, summary="A page", listener=listener, media="text/html")
        for name, path in paths.items()
    )


VIEWER_PAGES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"pages.events": ("/", "index.html"), "pages.watch": ("/watch/{event}", "watch.html")}
)
OPERATOR_PAGES: Mapping[str, tuple[str, str]] = MappingProxyType({"pages.cockpit": ("/", "index.html")})
"""A page's path and file by route name."""

ASSETS_PATH = "/assets/{file}"

VIEWER_ROUTES = routes(
    Listener.VIEWERS,
    {**{name: path for name, (path, _) in VIEWER_PAGES.items()}, "pages.assets": ASSETS_PATH},
)
OPERATOR_ROUTES = routes(
    Listener.OPERATORS,
    {**{name: path for name, (path, _) in OPERATOR_PAGES.items()}, "pages.cockpit-assets": ASSETS_PATH},
)


def viewer_handlers() -> Handlers:
    """The handlers of `VIEWER_ROUTES`."""
    return _handlers(read_pages("viewers"), VIEWER_PAGES, "pages.assets")


def operator_handlers() -> Handlers:
    """The handlers of `OPERATOR_ROUTES`."""
    return _handlers(read_pages("operators"), OPERATOR_PAGES, "pages.cockpit-assets")


def _handlers(pages: Mapping[str, Page], named: Mapping[str, tuple[str, str]], assets: str) -> Handlers:
    handlers = {name: _file(pages, file) for name, (_, file) in named.items()}
    return {**handlers, assets: _asset(pages)}


def _file(pages: Mapping[str, Page], name: str) -> Handler:
    async def show(req: Request, resp: Response, **_: str) -> None:
        if name not in pages:
            raise Refusal("unavailable", "The pages are not built: run `make pages`.")
        _send(req, resp, pages[name])

    return show


def _asset(pages: Mapping[str, Page]) -> Handler:
    async def show(req: Request, resp: Response, file: str) -> None:
        page = pages.get(HASHED_FOLDER + file)
        if page is None:
            raise Refusal("not-found")
        _send(req, resp, page)

    return show


def _send(req: Request, resp: Response, page: Page) -> None:
    resp.set_headers({"ETag": page.etag, "Cache-Control": page.cache_control, **_SECURITY})
    if req.get_header("If-None-Match") == page.etag:
        resp.status = 304
        return
    resp.content_type = page.media
    resp.data = page.body
