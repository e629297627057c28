"""CPU of verifying a webhook, as a ratio to the one call of HMAC, RSA or Ed25519 that it cannot avoid."""

import hashlib
import hmac
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lambdas.shared.providers.registry import REGISTRY
from lambdas.shared.request import WebhookRequest
from tools.senders import SENDERS, Signing, kept

ROUNDS = 30
CALLS_OF_A_ROUND = 200
NOW = 1_790_000_000
RESULTS = Path(__file__).resolve().parent / "results"
# What a scheme's own algorithm is called on; the others are HMAC-SHA256 over the body.
ALGORITHMS = {"braintree": "sha1"}


@dataclass(frozen=True)
class Case:
    """Two things that are measured side by side.

    Attributes
    ----------
    name : str
        Registry entry.
    size : int
        Bytes of the body.
    verify, bare : Callable[[], object]
        The whole verification, and the call that it cannot avoid.
    """

    name: str
    size: int
    verify: Callable[[], object]
    bare: Callable[[], object]


def cases() -> list[Case]:
    """Return a case for each scheme."""
    return [*map(_sent, SENDERS), _paypal()]


def _sent(entry: str) -> Case:
    sender = SENDERS[entry]
    secret = sender.new_secret()
    sent = sender.webhook(Signing(secret=secret, now=NOW, number=1, options=sender.options))
    headers = {name.lower(): [value] for name, value in sent.headers.items()}
    request = WebhookRequest(body=sent.body, headers=headers, received_at=NOW)
    scheme = REGISTRY[entry].configured(sender.options).scheme
    known = [kept(entry, secret)]
    if sender.signs_with_private_key:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

        private = Ed25519PrivateKey.generate()
        public, signature = private.public_key(), private.sign(sent.body)
        return Case(
            entry, len(sent.body), lambda: scheme.verify(request, known), lambda: public.verify(signature, sent.body)
        )
    algorithm = getattr(hashlib, ALGORITHMS.get(entry, "sha256"))
    key = secret.encode()
    return Case(
        entry,
        len(sent.body),
        lambda: scheme.verify(request, known),
        lambda: hmac.new(key, sent.body, algorithm).digest(),
    )


def _paypal() -> Case:
    """Return PayPal's case, with a certificate of the tests' own authority, fetched once before."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    from tests.unit.providers import paypal_world  # noqa: PLC0415

    scheme = paypal_world.Host().scheme()
    request = paypal_world.delivery()
    private = paypal_world.issued().key
    public, signature = private.public_key(), private.sign(request.body, PKCS1v15(), SHA256())
    return Case(
        "paypal",
        len(request.body),
        lambda: scheme.verify(request, []),
        lambda: public.verify(signature, request.body, PKCS1v15(), SHA256()),
    )


def microseconds(call: Callable[[], object]) -> float:
    """Return the CPU of one call, in microseconds, averaged over a round."""
    started = time.process_time_ns()
    for _ in range(CALLS_OF_A_ROUND):
        call()
    return (time.process_time_ns() - started) / CALLS_OF_A_ROUND / 1_000


def main() -> None:
    """Measure, in rounds that alternate between all cases, and show medians, extremes and ratios."""
    console = Console()
    measured = cases()
    rounds: dict[str, list[tuple[float, float]]] = {case.name: [] for case in measured}
    for case in measured:
        case.verify(), case.bare()
    with console.status("measuring") as status:
        for number in range(ROUNDS):
            status.update(f"round {number + 1} of {ROUNDS}")
            for case in measured:
                rounds[case.name].append((microseconds(case.verify), microseconds(case.bare)))
    table = Table("entry", "bytes", "verify, us", "min to max", "bare call, us", "ratio", title_justify="left")
    results = []
    for case in measured:
        verify, bare = zip(*rounds[case.name], strict=True)
        result = {
            "entry": case.name,
            "bytes": case.size,
            "verifyMicroseconds": round(statistics.median(verify), 2),
            "verifyMinimum": round(min(verify), 2),
            "verifyMaximum": round(max(verify), 2),
            "bareMicroseconds": round(statistics.median(bare), 2),
            "ratio": round(statistics.median(a / b for a, b in zip(verify, bare, strict=True)), 2),
        }
        results.append(result)
        table.add_row(
            *(
                str(value)
                for value in (
                    case.name,
                    case.size,
                    result["verifyMicroseconds"],
                    f"{result['verifyMinimum']} to {result['verifyMaximum']}",
                    result["bareMicroseconds"],
                    result["ratio"],
                )
            )
        )
    console.print(table)
    RESULTS.mkdir(exist_ok=True)
    document = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "rounds": ROUNDS,
        "callsOfARound": CALLS_OF_A_ROUND,
        "results": results,
    }
    (RESULTS / "verify.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    console.print(f"written to bench/results/verify.json ({sys.implementation.name} {platform.python_version()})")


if __name__ == "__main__":
    main()
