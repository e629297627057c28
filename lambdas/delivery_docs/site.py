"""The files of the public site: the document, two pages that show it, the tenants' portal, and what the pages load.

Everything comes from the bundle, and nothing from another host. The policy of the pages says so to the browser as well:
scripts come from here alone; ReDoc makes its styles itself, so that inline styles are let in, and no inline script. The
portal's lets in neither, and the browser refuses to make markup of a text there (Trusted Types). Other sites may embed
the portal where a setting names them.
Sources: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy,
https://www.w3.org/TR/trusted-types/

What a page loads is in the bundle in gzip, and is sent in no other form: a megabyte for everybody who asks without
``Accept-Encoding`` would be a way to run up a bill. API Gateway passes it on as it is, because the answer is base64 and
the API takes every media type for binary. It could compress by itself (``minimumCompressionSize``), but each request
anew, and every answer of the API.
Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gzip-compression-decompression.html
"""

import base64
import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{}; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {}"
)
_NOBODY = "'none'"
POLICY = _POLICY.format(" 'unsafe-inline'", _NOBODY)
VENDORED = (
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt",
    "redoc.standalone.js",
    "redoc.standalone.js.LICENSE.txt",
)
"""Files of the npm packages. The bundle has each in gzip in the folder ``assets``, with the suffix `PACKED`."""
PACKED = ".gz"
MADE = ("portal.js", "pages.css")
"""Files of the portal, which `tools.build` makes. The bundle has them as it has those of the packages."""
OWN = ("show-swagger-ui.js", "show-redoc.js")
PORTAL = "/portal"
PAGES = {"/docs": "docs.html", "/redoc": "redoc.html", PORTAL: "portal.html"}
DOCUMENT = "/openapi.json"
ASSET = "/assets/{name}"

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
_HERE = Path(__file__).resolve().parent
_REFERENCE = re.compile(rb'"assets/([a-z0-9.-]+)"')
_FOREVER = "public, max-age=31536000, immutable"
_REVALIDATED = "no-cache"


@dataclass(frozen=True)
class File:
    """A file as it is answered.

    Attributes
    ----------
    packed : bytes
        Its content in gzip.
    plain : bytes | None
        Its content, for clients that do not ask for gzip; None for a file that is sent in gzip only.
    """

    packed: bytes
    media_type: str
    plain: bytes | None = None

    @classmethod
    def of(cls, content: bytes, media_type: str) -> Self:
        """Return a file that every client gets."""
        return cls(pack(content), media_type, content)

    @cached_property
    def digest(self) -> str:
        """What tells it from every other."""
        return hashlib.sha256(self.packed).hexdigest()[:16]


def pack(content: bytes) -> bytes:
    """Return content in gzip, the same bytes every time."""
    return gzip.compress(content, compresslevel=9, mtime=0)


class Site:
    """The files, each read when it is first asked for.

    Parameters
    ----------
    assets : Path
        The folder of the `VENDORED` and `MADE` files.
    portal_frames : str
        Origins that may embed the portal, with blanks between them; none if it is empty.
    """

    def __init__(self, assets: Path = _HERE / "assets", portal_frames: str = "") -> None:
        self._assets = assets
        self._portal_policy = (
            f"{_POLICY.format('', portal_frames or _NOBODY)}; require-trusted-types-for 'script'; trusted-types 'none'"
        )
        self._files: dict[str, File] = {}

    def document(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """Answer with the OpenAPI document."""
        name = "openapi.json"
        if name not in self._files:
            self._files[name] = File.of((_HERE / name).read_bytes(), _TYPES[".json"])
        return respond(self._files[name], headers, _REVALIDATED)

    def page(self, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
        """Answer with a page, in which every file it loads has its digest in its address."""
        name = PAGES[path]
        if name not in self._files:
            raw = (_HERE / "pages" / name).read_bytes()
            self._files[name] = File.of(_REFERENCE.sub(self._versioned, raw), _TYPES[".html"])
        policy = self._portal_policy if path == PORTAL else POLICY
        return respond(self._files[name], headers, _REVALIDATED, policy)

    def asset(self, name: str, headers: Mapping[str, str], version: str | None) -> dict[str, Any] | None:
        """Answer with a file that a page loads; None when no file has that name."""
        if name not in (*VENDORED, *MADE, *OWN):
            return None
        file = self._asset(name)
        return respond(file, headers, _FOREVER if version == file.digest else _REVALIDATED)

    def _versioned(self, reference: re.Match[bytes]) -> bytes:
        name = reference[1].decode()
        return f'"assets/{name}?v={self._asset(name).digest}"'.encode()

    def _asset(self, name: str) -> File:
        if name not in self._files:
            own = name in OWN
            packed = (
                pack((_HERE / "pages" / name).read_bytes()) if own else (self._assets / (name + PACKED)).read_bytes()
            )
            self._files[name] = File(packed, _TYPES[Path(name).suffix])
        return self._files[name]


def respond(file: File, headers: Mapping[str, str], cache: str, policy: str = POLICY) -> dict[str, Any]:
    """Return a proxy answer with a file; 304 when the caller has it already, 406 when it must not be sent to it.

    Parameters
    ----------
    headers : Mapping[str, str]
        The request's, names in lower case.
    """
    answer = {
        "Cache-Control": cache,
        "Content-Security-Policy": policy,
        "ETag": f'W/"{file.digest}"',
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    known = [one.strip().removeprefix("W/").strip('"') for one in headers.get("if-none-match", "").split(",")]
    if file.digest in known:
        return {"statusCode": 304, "headers": answer, "body": ""}
    # Whoever sends no such header takes every coding, but people who call the API by hand want to read its document.
    if _takes_gzip(headers.get("accept-encoding", "" if file.plain is not None else "*")):
        answer["Content-Encoding"] = "gzip"
        content = file.packed
    elif file.plain is not None:
        content = file.plain
    else:
        return {"statusCode": 406, "headers": answer | {"Cache-Control": "no-store"}, "body": ""}
    answer["Content-Type"] = file.media_type
    return {
        "statusCode": 200,
        "headers": answer,
        "body": base64.b64encode(content).decode("ascii"),
        "isBase64Encoded": True,
    }


def _takes_gzip(accepted: str) -> bool:
    """Read ``Accept-Encoding``. Source: RFC 9110, section 12.5.3."""
    takes = {}
    for one in accepted.lower().split(","):
        name, _, weight = one.partition(";")
        takes[name.strip()] = not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
    return takes.get("gzip", takes.get("*", False))
