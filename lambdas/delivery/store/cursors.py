"""Cursors of lists: opaque, good for one tenant and one query, and refused when anything in them was changed.

Each tenant has a key of its own, made when its first long list is read and kept beside its endpoints. So another
tenant's cursor fits no more than a made-up one, and reading lists needs access to no table but those with lists.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from typing import Any

from lambdas.delivery.domain.errors import InvalidFieldError
from lambdas.delivery.store.items import ITEM_KEY, TENANT_KEY
from lambdas.delivery.store.tables import Table

CURSOR_KEY_ITEM = "cursor-key"
_KEY_BYTES = 32
_TAG_BYTES = 16
_CACHED_KEYS = 1_000


class Cursors:
    """Writes and reads cursors.

    Parameters
    ----------
    dynamodb
        A boto3 DynamoDB client.
    table : str
        The table of endpoints.
    """

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._table = Table(dynamodb, table)
        self._keys: dict[str, bytes] = {}

    def write(self, tenant_id: str, query: str, position: str) -> str:
        """Return a cursor for what comes after a position in the answer to a query."""
        content = position.encode()
        tag = self._tag(tenant_id, query, content)
        return base64.urlsafe_b64encode(tag + content).decode("ascii").rstrip("=")

    def read(self, tenant_id: str, query: str, cursor: str) -> str:
        """Return the position of a cursor that `write` wrote for this tenant and this query.

        Raises
        ------
        InvalidFieldError
            When it is another.
        """
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise _not_ours() from error
        tag, content = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(tenant_id, query, content)):
            raise _not_ours()
        # Bits beyond the last byte would be another text for the same cursor.
        if base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=") != cursor:
            raise _not_ours()
        return content.decode()

    def _tag(self, tenant_id: str, query: str, content: bytes) -> bytes:
        bound = json.dumps([tenant_id, query]).encode() + b"\0" + content
        return hmac.digest(self._key(tenant_id), bound, hashlib.sha256)[:_TAG_BYTES]

    def _key(self, tenant_id: str) -> bytes:
        if tenant_id not in self._keys:
            if len(self._keys) >= _CACHED_KEYS:
                self._keys.clear()
            self._keys[tenant_id] = self._read_key(tenant_id) or self._make_key(tenant_id)
        return self._keys[tenant_id]

    def _read_key(self, tenant_id: str) -> bytes | None:
        item = self._table.get({TENANT_KEY: tenant_id, ITEM_KEY: CURSOR_KEY_ITEM})
        return None if item is None else bytes(item["key"])

    def _make_key(self, tenant_id: str) -> bytes:
        """Make a tenant's key, or return the one that another process made meanwhile."""
        key = secrets.token_bytes(_KEY_BYTES)
        if self._table.put_new({TENANT_KEY: tenant_id, ITEM_KEY: CURSOR_KEY_ITEM, "key": key}, ITEM_KEY):
            return key
        made = self._read_key(tenant_id)
        assert made is not None
        return made


def _not_ours() -> InvalidFieldError:
    return InvalidFieldError("cursor", "is none that this list returned for this query")
