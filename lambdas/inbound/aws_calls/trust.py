"""The certificate authorities that TLS trusts for calls to AWS: Amazon's first, and then the system's.

AWS's services have certificates of Amazon Trust Services. Reading its five authorities takes less than a tenth of the
time for those of the system, which was a quarter of a cold start. A service with a certificate of another authority, as
in China, takes one more handshake, with all authorities of the system.

Source: https://aws.amazon.com/blogs/security/how-to-prepare-for-aws-move-to-its-own-certificate-authority/
"""

import os
import ssl
from functools import cache
from pathlib import Path

AMAZON = Path(__file__).with_name("amazon_authorities.pem")
_OTHERS = "AWS_CA_BUNDLE"


@cache
def narrow() -> ssl.SSLContext:
    """Return a context with the authorities in the file that ``AWS_CA_BUNDLE`` names, or with Amazon's."""
    return _trusting(os.environ.get(_OTHERS) or str(AMAZON))


@cache
def wide() -> ssl.SSLContext | None:
    """Return a context with the system's authorities; None if ``AWS_CA_BUNDLE`` names the only ones to trust."""
    return None if os.environ.get(_OTHERS) else _trusting(None)


def _trusting(file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=file)
    context.set_alpn_protocols(["http/1.1"])
    return context
