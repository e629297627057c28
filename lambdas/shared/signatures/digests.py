"""HMAC as the text that stands in a header."""

import base64
import hmac


def hmac_text(key: bytes, signed: bytes, *, algorithm: str = "sha256", encoding: str = "hex") -> bytes:
    """Return the HMAC of bytes, in the one spelling that counts.

    What a sender sent is compared with this text and never decoded, so that no second spelling of a signature is
    accepted: no upper case hex, no base64 with stray bits in its last digit.

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
