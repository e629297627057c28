"""What the system knows about a provider: one declarative entry each."""

from dataclasses import dataclass

from lambdas.shared.providers.fields import Field
from lambdas.shared.signatures.scheme import Scheme


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A provider of webhooks.

    Attributes
    ----------
    name : str
        Name of the entry, in lower case.
    title : str
        Name as people write it.
    scheme : Scheme
        How its webhooks are signed.
    event_id : tuple[Field, ...]
        Where the event's identity lies; the first field that holds one counts. Signed bytes only: an unsigned id
        would let anybody who holds one signed body make a new event of it.
    event_type : tuple[Field, ...]
        Where the event's type lies.
    transaction_id : tuple[Field, ...]
        What ties together the events of one payment. Where none is found, the event is a transaction of its own.
    occurred_at : tuple[Field, ...]
        Where the time of occurrence lies, in seconds since the epoch or as an RFC 3339 time. It becomes part of the
        record's sort key, so only a value that is the same in every redelivery of the event may stand here.
    sends_api_key : bool
        Whether the sender can be told to set an ``x-api-key`` header.
    source : str
        The provider's own document that these facts are from.
    """

    name: str
    title: str
    scheme: Scheme
    event_id: tuple[Field, ...]
    event_type: tuple[Field, ...]
    transaction_id: tuple[Field, ...]
    occurred_at: tuple[Field, ...] = ()
    sends_api_key: bool
    source: str
