"""Base64 with one spelling."""

import base64
import binascii


def canonical_base64(text: str) -> bytes | None:
    """Return the bytes of a base64 text; None unless it is exactly the text that an encoder writes.

    ``b64decode`` accepts several texts for the same bytes, because the last letter of a padded text has unused bits.
    """
    try:
        decoded = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    return decoded if base64.b64encode(decoded).decode("ascii") == text else None
