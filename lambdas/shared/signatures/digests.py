"""HMAC as text, for headers."""

import base64
import hmac


def hmac_text(key: bytes, signed: bytes, *, algorithm: str = "sha256", encoding: str = "hex") -> bytes:
    """Return the HMAC of bytes, in its only accepted spelling.

    The sender's signature is compared with this text and never decoded, so that no other spelling is accepted: no upper
    case hex, no base64 with unused bits in its last digit.

    Parameters
    ----------
    algorithm : str
        ``sha256`` or ``sha512``.
    encoding : str
        ``hex`` (lower case), ``base64`` or ``base64url``, both padded. RFC 4648.
    """
    digest = hmac.digest(key, signed, algorithm)
    if encoding == "base64":
        return base64.b64encode(digest)
    if encoding == "base64url":
        return base64.urlsafe_b64encode(digest)
    return digest.hex().encode("ascii")
