"""AWS Signature Version 4 of a request without a query.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """An access key.

    Attributes
    ----------
    access_key, secret_key : str
        Its id, and the key that signs.
    token : str | None
        Session token of temporary credentials.
    """

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        """Return the key's id alone, so that no traceback or log shows the rest."""
        return f"Credentials({self.access_key!r})"


class Scope(NamedTuple):
    """The region and service that a signature is valid for.

    Attributes
    ----------
    region, service : str
        AWS's names.
    """

    region: str
    service: str


def signed_headers(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    credentials: Credentials,
    scope: Scope,
    at: float,
) -> dict[str, str]:
    """Return the headers of a request with a signature, which covers all of them.

    Parameters
    ----------
    path : str
        Absolute path as it is sent: percent-encoded once, without a query. It is signed unchanged, which is right for
        S3, and for other services if it has nothing to encode.
    headers : Mapping[str, str]
        Names in lower case; ``host`` among them.
    at : float
        Seconds since the epoch.
    """
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    payload = hashlib.sha256(body).hexdigest()
    all_headers = {**headers, "x-amz-date": now}
    if credentials.token is not None:
        all_headers["x-amz-security-token"] = credentials.token
    # Only S3 requires the digest of the body as a header.
    if scope.service == "s3":
        all_headers["x-amz-content-sha256"] = payload
    names = sorted(all_headers)
    listed = ";".join(names)
    # Blanks at the ends are left out, and several blanks count as one.
    canonical = "".join([f"{name}:{' '.join(all_headers[name].split())}\n" for name in names])
    request = f"{method}\n{path}\n\n{canonical}\n{listed}\n{payload}"
    place = f"{now[:8]}/{scope.region}/{scope.service}/aws4_request"
    text = f"{ALGORITHM}\n{now}\n{place}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(_key(credentials.secret_key, now[:8], scope), text.encode(), "sha256").hex()
    all_headers["authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key}/{place}, SignedHeaders={listed}, Signature={signature}"
    )
    return all_headers


@lru_cache(maxsize=16)
def _key(secret_key: str, day: str, scope: Scope) -> bytes:
    """Return the signing key; it is the same for a whole day."""
    key = f"AWS4{secret_key}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
