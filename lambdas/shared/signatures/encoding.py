"""Base64 that has one reading."""

import base64
import binascii


def canonical_base64(text: str) -> bytes | None:
    """Return what a base64 text encodes, or None unless it is exactly the text that an encoder writes.

    ``b64decode`` takes several texts for the same bytes, since the last letter of a padded text holds bits that nobody
    reads.
    """
    try:
        decoded = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    return decoded if base64.b64encode(decoded).decode("ascii") == text else None
