"""Whom TLS trusts when it calls AWS: Amazon's own authorities first, and the system's where these vouch for nobody.

AWS's services have certificates of Amazon Trust Services. Reading its five authorities takes less than a tenth of what
reading a system's takes, which was a quarter of a cold start. A service that another authority vouches for, as in
China, costs one more handshake, and every authority of the system is trusted with it.

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
    """Return what trusts the authorities in the file that ``AWS_CA_BUNDLE`` names, else Amazon's."""
    return _trusting(os.environ.get(_OTHERS) or str(AMAZON))


@cache
def wide() -> ssl.SSLContext | None:
    """Return what trusts the system's authorities; None where ``AWS_CA_BUNDLE`` says whom alone to trust."""
    return None if os.environ.get(_OTHERS) else _trusting(None)


def _trusting(file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=file)
    context.set_alpn_protocols(["http/1.1"])
    return context
