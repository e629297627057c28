"""What providers send: realistic bodies, signed by each provider's rules. A new provider is a module beside this.

PayPal has none: nobody but PayPal has a certificate that it vouches for.
"""

from collections.abc import Mapping
from typing import Any

from tools.senders import (
    adyen,
    braintree,
    checkout_com,
    coinbase_commerce,
    generic,
    github,
    gocardless,
    klarna,
    lithic,
    marqeta,
    mollie,
    paddle,
    paystack,
    razorpay,
    shopify,
    square,
    standard_webhooks,
    standard_webhooks_ed25519,
    stripe,
    wise,
)
from tools.senders.sender import Sender, SentWebhook, Signing

__all__ = ["SENDERS", "Sender", "SentWebhook", "Signing", "kept", "new_secret", "providers", "webhook"]

SENDERS: Mapping[str, Sender] = {
    sender.entry: sender
    for sender in (
        stripe.SENDER,
        shopify.SENDER,
        square.SENDER,
        checkout_com.SENDER,
        gocardless.SENDER,
        mollie.SENDER,
        razorpay.SENDER,
        paddle.SENDER,
        klarna.SENDER,
        wise.SENDER,
        marqeta.SENDER,
        lithic.SENDER,
        paystack.SENDER,
        coinbase_commerce.SENDER,
        github.SENDER,
        standard_webhooks.SENDER,
        standard_webhooks_ed25519.SENDER,
        generic.GENERIC,
        generic.GENERIC_TIMESTAMPED,
        adyen.ADYEN,
        adyen.ADYEN_PLATFORM,
        braintree.SENDER,
    )
}


def providers() -> tuple[str, ...]:
    """Return the registry entries that can be sent for."""
    return tuple(SENDERS)


def new_secret(entry: str) -> str:
    """Return a fresh signing secret of the form that the provider uses."""
    return SENDERS[entry].new_secret()


def kept(entry: str, secret: str) -> str:
    """Return what the receiver keeps of a signing secret."""
    return SENDERS[entry].kept(secret)


def webhook(entry: str, number: int, secret: str, now: int, extra: Mapping[str, Any] | None = None) -> SentWebhook:
    """Return the webhook with a number, signed; the same number is the same event.

    Parameters
    ----------
    entry : str
        Registry entry, deployed under its own name.
    now : int
        Seconds since the epoch at which it is signed.
    extra : Mapping
        Members to add to the document.
    """
    sender = SENDERS[entry]
    return sender.webhook(Signing(secret=secret, now=now, number=number, options=sender.options), extra=extra)
