"""An event of any provider, in the form that is stored, routed and queried."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.inbound.providers.currencies import MINOR, in_minor_units
from lambdas.inbound.providers.entry import Provider
from lambdas.inbound.providers.fields import TEST, Unsigned, first_of
from lambdas.shared import times
from lambdas.shared.request import WebhookRequest

UNKNOWN_TYPE = "unknown"
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
MAX_EVENT_TYPE_CHARS = 128
# ISO 4217
_CURRENCY = re.compile(r"[A-Za-z]{3}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class WebhookEvent:
    """A verified event.

    Attributes
    ----------
    provider : str
        The name under which the provider is deployed.
    event_id : str
        The id of the event among those of its provider.
    event_type : str
        The provider's name for what happened; ``unknown`` if it sends none.
    transaction_id : str
        The id that the events of one payment have in common.
    occurred_at : str | None
        When it happened, by the provider's clock, as ISO 8601 in UTC; None if the provider does not send it.
    amount, currency : str | None
        A decimal number, and its currency in capitals; None for an event without an amount.
    amount_unit : str | None
        ``minor``: the amount is a whole number of the currency's minor unit, see `exponent`. If the exponent is not
        known, the amount is as the provider writes it, and this is the provider's unit, ``minor`` or ``major``.
    exponent : int | None
        The digits of the minor unit: 2 for cents. None if they are not known.
    mode : str | None
        ``live`` or ``test``; None if neither provider nor deployment says it.
    account : str | None
        The account with the provider that the event is about; None if neither says it.
    unsigned : str | None
        Which of ``mode`` and ``account`` the provider does not sign, joined with commas.
    content, occurrence : str | None
        See `lambdas.inbound.identity.Identity`.
    same_bytes_as : str | None
        The id of an earlier event that was sent with the same bytes.
    """

    provider: str
    event_id: str
    event_type: str
    transaction_id: str
    occurred_at: str | None
    amount: str | None = None
    currency: str | None = None
    amount_unit: str | None = None
    exponent: int | None = None
    mode: str | None = None
    account: str | None = None
    unsigned: str | None = None
    content: str | None = None
    occurrence: str | None = None
    same_bytes_as: str | None = None

    @property
    def key(self) -> str:
        """The id of the event among all providers."""
        return f"{self.provider}:{self.event_id}"


def read_events(name: str, provider: Provider, request: WebhookRequest, request_id: str = "") -> list[WebhookEvent]:
    """Read the events of a verified request; some providers send several in one.

    Parameters
    ----------
    name : str
        The name under which the provider is deployed.
    request_id : str
        See `lambdas.inbound.identity.IdentityRule.identify`.

    Raises
    ------
    MalformedWebhookError
        When the body does not have the provider's format, or an event in it has no id.
    """
    documents = provider.body_format.documents(request)
    return [_read(name, provider, request, document, request_id) for document in documents]


def _read(
    name: str, provider: Provider, request: WebhookRequest, document: Mapping[str, Any], request_id: str
) -> WebhookEvent:
    identity = provider.identity.identify(request, document, request_id)
    event_type = first_of(provider.event_type, request, document) or UNKNOWN_TYPE
    occurred = first_of(provider.occurred_at, request, document)
    seconds = times.parse(occurred) if occurred else None
    return WebhookEvent(
        provider=name,
        event_id=identity.event_id,
        content=identity.content,
        occurrence=identity.occurrence,
        event_type=event_type if len(event_type) <= MAX_EVENT_TYPE_CHARS else UNKNOWN_TYPE,
        transaction_id=first_of(provider.transaction_id, request, document) or f"{name}:{identity.event_id}"[:256],
        occurred_at=None if seconds is None else times.iso(seconds),
        **_amount(provider, request, document),
        **_money(provider, request, document),
    )


def _amount(provider: Provider, request: WebhookRequest, document: Mapping[str, Any]) -> dict[str, Any]:
    if provider.amount is None:
        return {}
    value = first_of(provider.amount.value, request, document)
    currency = first_of(provider.amount.currency, request, document)
    if value is None or currency is None or not _CURRENCY.fullmatch(currency):
        return {}
    currency = currency.upper()
    converted = in_minor_units(value, currency, provider.amount.unit, provider.amount.digits)
    if converted is None:
        return {"amount": value, "currency": currency, "amount_unit": provider.amount.unit}
    amount, exponent = converted
    return {"amount": amount, "currency": currency, "amount_unit": MINOR, "exponent": exponent}


def _money(provider: Provider, request: WebhookRequest, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return whose money it is, and whether it is real."""
    mode, mode_signed = None, True
    for field in provider.mode:
        value = field.read(request, document)
        # Whoever says that it is no real money is believed, so that nobody takes test money for real.
        if value is not None and (mode is None or (value == TEST and mode != TEST)):
            mode, mode_signed = value, not isinstance(field, Unsigned)
    if (deployed := provider.deployed_mode) is not None and mode != TEST:
        mode, mode_signed = deployed, True
    account, account_signed = provider.deployed.get("account"), True
    for field in provider.account:
        value = field.read(request, document)
        if value is not None:
            # What the deployment says is no worse than what anybody could have written.
            if not isinstance(field, Unsigned) or account is None:
                account, account_signed = value, not isinstance(field, Unsigned)
            break
    unsigned = [name for name, signed in (("account", account_signed), ("mode", mode_signed)) if not signed]
    return {"mode": mode, "account": account, "unsigned": ",".join(unsigned) or None}
