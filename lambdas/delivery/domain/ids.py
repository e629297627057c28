"""Ids that sort by the time they were made at and cannot be guessed, as ULIDs have it.

Source: https://github.com/ulid/spec: 48 bits of milliseconds and 80 random bits, in Crockford's base 32.
"""

import re
import secrets

EVENT, ENDPOINT, REPLAY = "evt", "ep", "rpl"

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 26
_RANDOM_BITS = 80
# Tenants are named by the operator: the name stands in settings, rules and metrics.
TENANT_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
_TENANT = re.compile(TENANT_PATTERN, re.ASCII)


def id_pattern(prefix: str) -> str:
    """Return the pattern of the ids of a kind, as JSON Schema has it."""
    return f"^{prefix}_[0-7][{_ALPHABET}]{{{_LENGTH - 1}}}$"


_PATTERNS = {prefix: re.compile(id_pattern(prefix), re.ASCII) for prefix in (EVENT, ENDPOINT, REPLAY)}


def new_id(prefix: str, now: float) -> str:
    """Return a new id.

    Parameters
    ----------
    now : float
        Seconds since the epoch.
    """
    number = (int(now * 1000) << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    digits = (_ALPHABET[(number >> 5 * place) & 31] for place in reversed(range(_LENGTH)))
    return f"{prefix}_{''.join(digits)}"


def is_id(prefix: str, text: str) -> bool:
    """Tell whether a text can be the id of a kind. Whatever cannot is asked of no table."""
    return _PATTERNS[prefix].fullmatch(text) is not None


def is_tenant_id(text: str) -> bool:
    """Tell whether a text can be a tenant's id: 1 to 63 of ``a`` to ``z``, digits, and hyphens inside."""
    return _TENANT.fullmatch(text) is not None
