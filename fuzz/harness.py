"""``make fuzz``: what a stranger sends to one provider's verifier, and what its extractor makes of any body.

Two properties hold for every input: nothing escapes but a refusal, and nothing that was not signed is accepted.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["lambdas"]):
    from lambdas.inbound.event import WebhookEvent, read_events
    from lambdas.inbound.providers.entry import Provider
    from lambdas.inbound.providers.registry import REGISTRY
    from lambdas.inbound.signatures.paypal_certificates import CertificateStore, paypal_authorities
    from lambdas.shared.errors import UnavailableError, WebhookRefusedError
    from lambdas.shared.request import WebhookRequest

from tools.senders import SENDERS, Signing, kept

NOW = 1_790_000_000
PAYPAL = {
    "paypal-auth-algo": "SHA256withRSA",
    "paypal-cert-url": "https://api.paypal.com/v1/notifications/certs/CERT-0",
    "paypal-transmission-id": "t",
    "paypal-transmission-sig": "AAAA",
    "paypal-transmission-time": "2026-09-21T14:13:20Z",
}


class AcceptedError(AssertionError):
    """Something that nobody signed was accepted."""


class Harness:
    """One provider's verifier and extractor.

    Parameters
    ----------
    entry : str
        Registry entry.
    """

    def __init__(self, entry: str) -> None:
        sender = SENDERS.get(entry)
        options: Mapping[str, str] = sender.options if sender else {"webhook_id": "1AB23456CD789"}
        self.provider: Provider = REGISTRY[entry].configured(options)
        self.secrets: list[str] = []
        self.headers, self.body = dict(PAYPAL), b"{}"
        if sender is not None:
            secret = sender.new_secret()
            self.secrets = [kept(entry, secret)]
            genuine = sender.webhook(Signing(secret=sender.new_secret(), now=NOW, number=1, options=options))
            self.headers = {name.lower(): value for name, value in genuine.headers.items()}
            self.body = genuine.body
        else:
            self._cut_off()

    def _cut_off(self) -> None:
        """Have PayPal's certificates come from nowhere, since a fuzzer must not reach out."""

        def nowhere(url: str) -> bytes:
            raise UnavailableError(f"no way to {url}"[:40])

        scheme: Any = self.provider.scheme
        store = CertificateStore(nowhere, paypal_authorities)
        self.provider = replace(self.provider, scheme=replace(scheme, certificates=store))

    def write_seeds(self, folder: Path) -> None:
        """Write a forged webhook's own headers and body as first inputs, each with the place that it is for."""
        # libFuzzer takes whole numbers from an input's end, and Atheris a text's encoding from its beginning.
        for place, name in enumerate(sorted(self.headers)):
            (folder / name).write_bytes(b"\x01" + self.headers[name].encode() + bytes([place]))
        (folder / "body").write_bytes(self.body + bytes([len(self.headers)]))

    def try_one(self, data: bytes) -> None:
        """Send one input: any bytes for a header, or for the body, in the place of a forged webhook's own."""
        fuzzed = atheris.FuzzedDataProvider(data)
        names = sorted(self.headers)
        replaced = fuzzed.ConsumeIntInRange(0, len(names))
        headers = {name: [value] for name, value in self.headers.items()}
        body = self.body
        if replaced == len(names):
            body = fuzzed.ConsumeBytes(fuzzed.remaining_bytes())
        else:
            headers[names[replaced]] = [fuzzed.ConsumeUnicode(fuzzed.remaining_bytes())]
        request = WebhookRequest(body=body, headers=headers, received_at=float(NOW))
        try:
            self.provider.scheme.verify(request, self.secrets)
        except WebhookRefusedError:
            pass
        else:
            raise AcceptedError(f"{self.provider.name} accepted {request!r}")
        try:
            events = read_events("fuzzed", self.provider, request)
        except WebhookRefusedError:
            return
        if not events or not all(isinstance(event, WebhookEvent) for event in events):
            raise AcceptedError(f"{self.provider.name} read no event and did not say so")


def main() -> None:
    """Fuzz the entry that is named first, with seeds in the folder that is named next; the rest is libFuzzer's."""
    harness = Harness(sys.argv.pop(1))
    harness.write_seeds(Path(sys.argv[1]))
    atheris.Setup(sys.argv, harness.try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
