"""``make send``: a provider's webhooks, signed as it would sign them, or forged, to a local or a deployed stack."""

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from lambdas.inbound.providers.registry import REGISTRY
from tools.commands.secret import read_secrets
from tools.commands.target_stack import NoTargetError, Target, run
from tools.local.stack import post_webhook
from tools.senders import SENDERS, Sender, SentWebhook, Signing

console = Console()


def _changed_body(sender: Sender, signing: Signing, event: str | None, name: str) -> SentWebhook:
    genuine = sender.webhook(signing, event=event, name=name)
    return replace(genuine, body=sender.altered(genuine.body))


def _other_key(sender: Sender, signing: Signing, event: str | None, name: str) -> SentWebhook:
    return sender.webhook(replace(signing, secret=sender.new_secret()), event=event, name=name)


def _an_hour_old(sender: Sender, signing: Signing, event: str | None, name: str) -> SentWebhook:
    return sender.webhook(replace(signing, now=signing.now - 3_600), event=event, name=name)


def _unsigned(sender: Sender, signing: Signing, event: str | None, name: str) -> SentWebhook:
    genuine = sender.webhook(signing, event=event, name=name)
    kept = ("Content-Type", "X-Provider-ID")
    headers = {key: value for key, value in genuine.headers.items() if key in kept}
    return replace(genuine, body=sender.unsigned(genuine.body), headers=headers)


FORGERIES: Mapping[str, Callable[[Sender, Signing, str | None, str], SentWebhook]] = {
    "body": _changed_body,
    "key": _other_key,
    "time": _an_hour_old,
    "unsigned": _unsigned,
}


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def main() -> int:
    """Send and show what was answered."""
    parser = argparse.ArgumentParser(prog="make send")
    parser.add_argument("provider", help="deployed name")
    parser.add_argument("--event", help="event type; by default the provider's first")
    parser.add_argument("--forge", choices=sorted(FORGERIES), help="what is forged")
    parser.add_argument("--count", type=_count, default=1, help="how many")
    parser.add_argument(
        "--number", type=int, help="number of the first event; the same number is sent as the same event"
    )
    arguments = parser.parse_args()
    target = Target.chosen()
    webhooks = planned(target, arguments)
    table = Table("transaction", "bytes", "answer", "message")
    for webhook in webhooks:
        answer = post_webhook(target.base_url, target.outputs, target.verify, webhook)
        table.add_row(webhook.transaction_id, f"{len(webhook.body):,}", str(answer.status_code), answer.text[:80])
    console.print(table)
    return 0


def planned(target: Target, arguments: argparse.Namespace) -> list[SentWebhook]:
    """Return what to send.

    Raises
    ------
    NoTargetError
        When the provider is not deployed, has no such event, or has no secret yet.
    """
    provider: str = arguments.provider
    entry = target.entry_of(provider)
    if entry not in SENDERS:
        raise NoTargetError(f"PROVIDER: only {REGISTRY[entry].title} can sign its webhooks")
    sender = SENDERS[entry]
    if arguments.event and arguments.event not in sender.events:
        raise NoTargetError(f"EVENT: {arguments.event!r} is not allowed; allowed: {', '.join(sender.events)}")
    secret = signing_secret(target, provider, sender)
    now = int(time.time())
    first = now % 1_000_000 if arguments.number is None else arguments.number
    options = target.settings.provider_options.get(provider, {})
    made = []
    for number in range(first, first + arguments.count):
        signing = Signing(secret=secret, now=now, number=number, options=options)
        if arguments.forge:
            made.append(FORGERIES[arguments.forge](sender, signing, arguments.event, provider))
        else:
            made.append(sender.webhook(signing, event=arguments.event, name=provider))
    return made


def signing_secret(target: Target, provider: str, sender: Sender) -> str:
    """Return what the provider's sender signs with.

    Raises
    ------
    NoTargetError
        When it is not known here: there is none yet, or the stack keeps a public key only.
    """
    if sender.signs_with_private_key:
        if provider in target.signing_secrets:
            return target.signing_secrets[provider]
        raise NoTargetError(
            f"PROVIDER: the stack has only a public key of {provider}; only the owner of the private key can sign"
        )
    secrets = read_secrets(target.client("secretsmanager"), target.outputs["secret_arns"][provider])
    if not secrets:
        raise NoTargetError(f"{provider} has no secret yet: make secret PROVIDER={provider}")
    return secrets[0]


if __name__ == "__main__":
    run(main)
