"""CPU of verifying a webhook, as a ratio to the one call of HMAC, RSA or Ed25519 that it needs."""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from bench.measure import interleaved
from bench.report import keep, show
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.shared.request import WebhookRequest
from tests.unit.providers import paypal_world
from tools.senders import SENDERS, Signing, kept

CALLS_OF_A_ROUND = 200
NOW = 1_790_000_000
# What a scheme's own algorithm is called on; the others are HMAC-SHA256 over the body.
ALGORITHMS = {"braintree": "sha1"}


@dataclass(frozen=True)
class SideBySide:
    """Two things that are measured side by side.

    Attributes
    ----------
    name : str
        Registry entry.
    size : int
        Bytes of the body.
    verify, bare : Callable[[], object]
        The whole verification, and the one call that it needs.
    """

    name: str
    size: int
    verify: Callable[[], object]
    bare: Callable[[], object]


def cases() -> list[SideBySide]:
    """Return a case for each scheme."""
    return [*map(_sent, SENDERS), _paypal()]


def _sent(entry: str) -> SideBySide:
    sender = SENDERS[entry]
    secret = sender.new_secret()
    sent = sender.webhook(Signing(secret=secret, now=NOW, number=1, options=sender.options))
    headers = {name.lower(): [value] for name, value in sent.headers.items()}
    request = WebhookRequest(body=sent.body, headers=headers, received_at=NOW)
    scheme = REGISTRY[entry].configured(sender.options).scheme
    known = [kept(entry, secret)]
    if sender.signs_with_private_key:
        private = Ed25519PrivateKey.generate()
        public, signature = private.public_key(), private.sign(sent.body)
        return SideBySide(
            entry, len(sent.body), lambda: scheme.verify(request, known), lambda: public.verify(signature, sent.body)
        )
    algorithm = getattr(hashlib, ALGORITHMS.get(entry, "sha256"))
    key = secret.encode()
    return SideBySide(
        entry,
        len(sent.body),
        lambda: scheme.verify(request, known),
        lambda: hmac.new(key, sent.body, algorithm).digest(),
    )


def _paypal() -> SideBySide:
    """Return PayPal's case, with a certificate of the tests' own authority, fetched once before."""
    scheme = paypal_world.CertificateHost().scheme()
    request = paypal_world.delivery()
    private = paypal_world.issued().key
    public, signature = private.public_key(), private.sign(request.body, PKCS1v15(), SHA256())
    return SideBySide(
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


def measure_all(rounds: int, progress: Callable[[str], None]) -> None:
    """Measure all cases, show them and keep them."""
    measured = {case.name: case for case in cases()}
    for case in measured.values():
        case.verify(), case.bare()
    taken = interleaved(
        {name: (lambda c=case: _once(c)) for name, case in measured.items()},  # type: ignore[misc]
        rounds,
        progress,
    )
    show(
        "Verifying a webhook, CPU in microseconds",
        ("entry", "bytes", "median", "min to max", "bare call", "ratio"),
        [
            (
                name,
                measured[name].size,
                f"{figures['verify'].median:.1f}",
                f"{figures['verify'].minimum:.1f} to {figures['verify'].maximum:.1f}",
                f"{figures['bare'].median:.1f}",
                f"{figures['verify'].ratio(figures['bare']):.2f}",
            )
            for name, figures in taken.items()
        ],
        f"{rounds} rounds of {CALLS_OF_A_ROUND} calls, interleaved; beside the one call of HMAC, RSA or Ed25519 "
        "that it needs.",
    )
    keep(
        "verify",
        {
            "unit": "microseconds",
            "rounds": rounds,
            "callsOfARound": CALLS_OF_A_ROUND,
            "entries": {
                name: {
                    "bytes": measured[name].size,
                    **{figure: one.to_document() for figure, one in figures.items()},
                    "ratio": round(figures["verify"].ratio(figures["bare"]), 2),
                }
                for name, figures in taken.items()
            },
        },
    )


def _once(case: SideBySide) -> dict[str, float]:
    return {"verify": microseconds(case.verify), "bare": microseconds(case.bare)}
