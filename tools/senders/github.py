"""GitHub signs the body: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries ."""

import json
from typing import Any

from tools.senders.sender import Sender, Signing, hex_hmac


def _sponsorship(number: int) -> tuple[dict[str, Any], str]:
    node = f"S_kwDemo{number:06}"
    return {
        "action": "created",
        "sponsorship": {"node_id": node, "created_at": "2026-11-01T12:00:00+00:00", "tier": {"name": f"tier {number}"}},
        "sender": {"login": "octocat", "id": 1},
    }, node


def _sign(body: bytes, signing: Signing) -> dict[str, str]:
    return {
        "X-GitHub-Event": "sponsorship",
        "X-GitHub-Delivery": f"00000000-0000-4000-8000-{signing.number:012}",
        "X-Hub-Signature-256": "sha256=" + hex_hmac(signing.secret, body),
    }


SENDER = Sender(
    entry="github",
    events={"sponsorship.created": _sponsorship},
    sign=_sign,
    # GitHub writes no blanks.
    encode=lambda document, _: json.dumps(document, separators=(",", ":")).encode(),
)
