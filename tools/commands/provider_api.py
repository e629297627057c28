"""A provider's API with a key that may write. Nothing of this is in a deployed function, and no such key is kept."""

import re
from collections.abc import Mapping
from typing import Any

from lambdas.inbound.providers.fields import TEST
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.reconcile.api import Api, connect
from lambdas.reconcile.event_list import EventList
from lambdas.reconcile.lists.registry import LISTS
from lambdas.reconcile.watch import url_of
from tools.commands.secret import entered
from tools.commands.target_stack import NoTargetError, Target


class WritingApi(Api):
    """A provider's API that is told to change something.

    A call is made again where its answer was lost, so that each must be one that may come twice.
    """

    def send(self, method: str, path: str, document: Any = None) -> Any:
        """Send JSON, and return the answer's document; see `Api.get`."""
        return self._send(method, path, document).document

    def send_form(self, method: str, path: str, form: Mapping[str, str], headers: Mapping[str, str] = {}) -> Any:
        """Send a form, and return the answer's document; see `Api.get`."""
        return self._send_form(method, path, form, headers).document


class Provider:
    """A deployed provider, and its API with a key that is entered now.

    Attributes
    ----------
    name : str
        The name under which it is deployed.
    entry : str
        Its entry.
    hook : str
        Path or id of the registration, where it is known.
    url : str
        Where its webhooks are received.
    types : list[str]
        Types of events that are routed; none if the setting ``reconciliation`` does not say.
    api, events
        The API, and its list of events.

    Raises
    ------
    NoTargetError
        When it is not deployed, or on the local AWS alone, or the key is none.
    """

    def __init__(self, target: Target, name: str, hook: str, what: str) -> None:
        self.name, self.entry = name, target.entry_of(name)
        if target.is_local:
            raise NoTargetError(
                "no provider reaches what 'make up' started, and its URL may be somebody else's in AWS: name a "
                "deployed environment in ENVIRONMENT_SUFFIX"
            )
        options, settings = target.settings.provider_options.get(name, {}), target.settings.reconciled.get(name)
        provider, kind = REGISTRY[self.entry].configured(options), LISTS[self.entry]
        self.hook = hook or (settings.hook if settings and settings.hook else options.get("webhook_id", ""))
        self.url = url_of(name, settings.url if settings else None, options, target.outputs["endpoint_url"])
        self.types = [*settings.types, *settings.routed] if settings else []
        key = entered(f"API key of {name} that may {what}, which is not kept: ")
        if not re.fullmatch(kind.key_pattern, key, re.ASCII):
            raise NoTargetError(f"this is not an API key of {name}; nothing was changed")
        self.api = WritingApi(kind.hosts[provider.deployed_mode == TEST], kind.per_second, connect=connect)
        self.events: EventList = kind(self.api, key, self.hook)
