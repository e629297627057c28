"""``make register``: have a provider send to this stack, and put the signing secret into Secrets Manager.

The secret goes from the provider, or from here, to Secrets Manager, and is never printed. Each step can be the last
one of a run that is killed: the next run does what is left.
"""

import argparse
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar
from uuid import uuid4

from lambdas.reconcile.api import ApiError
from lambdas.reconcile.event_list import NotAListError, Registration, text_in
from lambdas.reconcile.lists.github import registration_of
from lambdas.reconcile.watch import lacking, ours
from tools.commands.provider_api import Provider
from tools.commands.secret import KEEP, check_usable, read_secrets, rotate
from tools.commands.target_stack import NoTargetError, Target, run

# Of a Stripe endpoint, while its secret is not stored.
MARK = "signing_secret"
_NOT_STORED = "not stored yet"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A change.

    Attributes
    ----------
    says : str
        What it does, in words.
    do : Callable[[], Any]
        Does it.
    """

    says: str
    do: Callable[[], Any]


@dataclass(frozen=True, kw_only=True)
class SigningSecret:
    """Where a provider's signing secrets are kept.

    Attributes
    ----------
    manager
        A boto3 client of Secrets Manager.
    arn : str
        The secret.
    entry : str
        The provider's entry.
    options : Mapping[str, str]
        Its options.
    """

    manager: Any
    arn: str
    entry: str
    options: Mapping[str, str]

    def kept(self) -> list[str]:
        """Return those that are valid, the newest first."""
        return list(read_secrets(self.manager, self.arn))

    def keep(self, secret: str) -> None:
        """Make a secret the newest one, beside those that are valid.

        Raises
        ------
        NoTargetError
            When it is none of this provider.
        """
        check_usable(self.entry, self.options, secret)
        rotate(self.manager, self.arn, secret, KEEP)


class Registrar(ABC):
    """Registers a stack with a provider.

    Attributes
    ----------
    takes_all : bool
        Whether ``*`` subscribes to all types.

    Parameters
    ----------
    provider : Provider
        The provider.
    secret : SigningSecret | None
        Where its signing secrets are kept; None if it has none.
    types : list[str]
        Types of events that are to be subscribed to.
    """

    takes_all: ClassVar[bool] = True

    def __init__(self, provider: Provider, secret: SigningSecret | None, types: list[str]) -> None:
        self.provider, self.secret, self.types = provider, secret, types
        self.api, self.events, self.url = provider.api, provider.events, provider.url

    def steps(self) -> Iterator[Step]:
        """Yield what is to be done, each step after the one before is done; nothing if all is right."""
        here = self.found()
        if not here:
            names = self.exact(self.types)
            yield Step(
                says=f"create a registration that sends {', '.join(names)} to {self.url}",
                do=partial(self.create, names),
            )
            return
        one = next((each for each in here if each.enabled), here[0])
        missing = self.exact(lacking(self.events, [one], self.types))
        said = [
            *([] if ours([one], self.url) else [f"send to {self.url}"]),
            *([] if one.enabled else ["enable it"]),
            *([f"subscribe to {', '.join(missing)}"] if missing else []),
        ]
        if said:
            names = ["*"] if "*" in missing else [*one.types, *missing]
            yield Step(says=f"{one.id}: {', '.join(said)}", do=partial(self.correct, one, names))

    def exact(self, types: list[str]) -> list[str]:
        """Return what is to be subscribed to.

        Raises
        ------
        NoTargetError
            When it is a type with ``*``, which no provider takes.
        """
        names = list(dict.fromkeys(self.events.subscription(name) for name in types))
        if "*" in names and self.takes_all:
            return ["*"]
        if unknown := [name for name in names if "*" in name]:
            raise NoTargetError(
                f"TYPES: {unknown[0]!r} is not a type that {self.provider.name} can be asked for; give exact ones, as "
                'in TYPES="a.b c.d"'
            )
        return names

    @abstractmethod
    def found(self) -> list[Registration]:
        """Return the registrations that are ours, or to become ours."""

    @abstractmethod
    def create(self, types: list[str]) -> None:
        """Create a registration, and keep its secret."""

    @abstractmethod
    def correct(self, one: Registration, types: list[str]) -> None:
        """Have a registration send these types to our URL, enabled, with the secret that it has."""

    def signing(self) -> SigningSecret:
        """Return where signing secrets are kept."""
        if self.secret is None:
            raise NoTargetError(f"PROVIDER: {self.provider.name!r} has no secret here")
        return self.secret

    def chosen(self) -> list[Registration]:
        """Return the registration that is named, or those that send to our URL.

        Raises
        ------
        NoTargetError
            When none has this name.
        """
        found = self.events.registrations()
        if not self.provider.hook:
            return ours(found, self.url)
        if named := [one for one in found if one.id == self.provider.hook]:
            return named
        raise NoTargetError(f"ID: {self.provider.hook!r} is no registration of {self.provider.name}")


class StripeRegistrar(Registrar):
    """Stripe answers with the secret once, when an endpoint is created.

    Until it is stored, the endpoint is marked. One that is still marked has a secret that nobody knows, and is made
    anew.

    Source: https://docs.stripe.com/api/webhook_endpoints/create, https://docs.stripe.com/api/webhook_endpoints/update,
    https://docs.stripe.com/api/idempotent_requests
    """

    _path = "/v1/webhook_endpoints"

    def steps(self) -> Iterator[Step]:
        """See `Registrar.steps`."""
        for one in ours(self.events.registrations(), self.url):
            if self._is_marked(one):
                yield Step(says=f"{one.id}: delete it, its secret was never stored", do=partial(self._delete, one.id))
        yield from super().steps()

    def found(self) -> list[Registration]:
        """See `Registrar.found`."""
        return [one for one in self.chosen() if not self._is_marked(one)]

    def create(self, types: list[str]) -> None:
        """See `Registrar.create`."""
        form = {"url": self.url, f"metadata[{MARK}]": _NOT_STORED}
        made = self.api.send_form("POST", self._path, {**form, **_listed(types)}, {"Idempotency-Key": str(uuid4())})
        id_, secret = text_in(made, "id"), text_in(made, "secret")
        try:
            self.signing().keep(secret)
        except BaseException:
            self._delete(id_)
            raise
        # An empty value removes it.
        self.api.send_form("POST", f"{self._path}/{id_}", {f"metadata[{MARK}]": ""})

    def correct(self, one: Registration, types: list[str]) -> None:
        """See `Registrar.correct`."""
        self.api.send_form("POST", f"{self._path}/{one.id}", {"url": self.url, "disabled": "false", **_listed(types)})

    def _delete(self, id_: str) -> None:
        self.api.send("DELETE", f"{self._path}/{id_}")

    def _is_marked(self, one: Registration) -> bool:
        return MARK in (self.api.get(f"{self._path}/{one.id}").document.get("metadata") or {})


def _listed(types: list[str]) -> dict[str, str]:
    return {f"enabled_events[{number}]": name for number, name in enumerate(types)}


class GitHubRegistrar(Registrar):
    """The secret is chosen here, and stored before GitHub has it.

    GitHub removes a hook's secret when the hook is changed, unless it is given again.

    Source: https://docs.github.com/en/rest/repos/webhooks#create-a-repository-webhook,
    https://docs.github.com/en/rest/repos/webhooks#update-a-repository-webhook
    """

    def found(self) -> list[Registration]:
        """See `Registrar.found`."""
        owner = self.provider.hook
        if "/hooks/" in owner:
            return self.chosen()
        if not owner:
            raise NoTargetError("ID is missing: where the hook is to be, such as ID=repos/acme/shop or ID=orgs/acme")
        self.events.authorize()
        hooks = self.api.get(f"/{owner}/hooks", {"per_page": 100}).document
        if not isinstance(hooks, list):
            raise NotAListError("no array of hooks")
        return ours([registration_of(f"{owner}/hooks/{one.get('id')}", one) for one in hooks], self.url)

    def create(self, types: list[str]) -> None:
        """See `Registrar.create`."""
        signing = self.signing()
        if not signing.kept():
            signing.keep(secrets.token_urlsafe(32))
        made = self.api.send("POST", f"/{self.provider.hook}/hooks", {"name": "web", **self._hook(types)})
        print(f'{self.provider.name}: "hook": "{self.provider.hook}/hooks/{made["id"]}" in the setting reconciliation')

    def correct(self, one: Registration, types: list[str]) -> None:
        """See `Registrar.correct`."""
        if not self.signing().kept():
            raise NoTargetError(
                "there is no signing secret of the hook here, which GitHub would remove: make secret first; nothing "
                "was changed"
            )
        self.api.send("PATCH", f"/{one.id}", self._hook(types))

    def _hook(self, types: list[str]) -> dict[str, Any]:
        config = {"url": self.url, "content_type": "json", "insecure_ssl": "0", "secret": self.signing().kept()[0]}
        return {"active": True, "events": types, "config": config}


class SquareRegistrar(Registrar):
    """Square shows the signature key of a subscription at any time, so that one that is not stored is stored later.

    Source: https://developer.squareup.com/reference/square/webhook-subscriptions-api
    """

    takes_all = False
    _path = "/v2/webhooks/subscriptions"

    def steps(self) -> Iterator[Step]:
        """See `Registrar.steps`."""
        yield from super().steps()
        for one in self.found():
            key = text_in(self.api.get(f"{self._path}/{one.id}").document["subscription"], "signature_key")
            if key not in self.signing().kept():
                yield Step(says=f"{one.id}: store its signature key", do=partial(self.signing().keep, key))

    def found(self) -> list[Registration]:
        """See `Registrar.found`."""
        return self.chosen()

    def create(self, types: list[str]) -> None:
        """See `Registrar.create`: the key is stored in a step of its own."""
        subscription = {"name": self.provider.name, "event_types": types, "notification_url": self.url}
        self.api.send("POST", self._path, {"idempotency_key": str(uuid4()), "subscription": subscription})

    def correct(self, one: Registration, types: list[str]) -> None:
        """See `Registrar.correct`."""
        subscription = {"enabled": True, "event_types": types, "notification_url": self.url}
        self.api.send("PUT", f"{self._path}/{one.id}", {"subscription": subscription})


class PayPalRegistrar(Registrar):
    """PayPal signs with its own key, for the id that is an option: only what exists can be corrected.

    Source: https://developer.paypal.com/docs/api/webhooks/v1/#webhooks_update
    """

    def found(self) -> list[Registration]:
        """See `Registrar.found`."""
        return self.chosen()

    def create(self, types: list[str]) -> None:
        """Do nothing: `chosen` has refused it."""

    def correct(self, one: Registration, types: list[str]) -> None:
        """See `Registrar.correct`."""
        changes = {"/url": self.url, "/event_types": [{"name": name} for name in types]}
        patch = [{"op": "replace", "path": path, "value": value} for path, value in changes.items()]
        self.api.send("PATCH", f"/v1/notifications/webhooks/{one.id}", patch)


REGISTRARS: Mapping[str, type[Registrar]] = {
    "stripe": StripeRegistrar,
    "github": GitHubRegistrar,
    "square": SquareRegistrar,
    "paypal": PayPalRegistrar,
}


def main() -> int:
    """Do what is to be done, or only show it; return 0."""
    parser = argparse.ArgumentParser(prog="make register")
    parser.add_argument("provider", help="deployed name")
    parser.add_argument("--types", default="", help="types of events, instead of those of the setting reconciliation")
    parser.add_argument("--id", default="", help="the registration, or for GitHub where it is to be")
    parser.add_argument("--dry-run", action="store_true", help="show only")
    arguments = parser.parse_args()
    target = Target.chosen()
    entry = target.entry_of(arguments.provider)
    if entry not in REGISTRARS:
        raise NoTargetError(
            f"PROVIDER: {arguments.provider!r} is registered by hand, in the provider's dashboard; those that can be "
            f"registered from here: {', '.join(REGISTRARS)}"
        )
    provider = Provider(target, arguments.provider, arguments.id, "write registrations")
    types = arguments.types.split() or provider.types
    if not types:
        raise NoTargetError('TYPES is missing: what is to be subscribed to, as in TYPES="a.b c.d"')
    arn, secret = target.outputs["secret_arns"].get(provider.name), None
    if arn is not None:
        options = target.settings.provider_options.get(provider.name, {})
        secret = SigningSecret(manager=target.client("secretsmanager"), arn=arn, entry=entry, options=options)
    registrar = REGISTRARS[entry](provider, secret, types)
    try:
        steps = 0
        for step in registrar.steps():
            steps += 1
            if not arguments.dry_run:
                step.do()
            print(f"{provider.name}: {step.says}")
        if not steps:
            names = ", ".join(one.id for one in registrar.found())
            print(f"{provider.name}: {names}: registered as it should be; nothing was changed")
    except (ApiError, NotAListError) as error:
        raise NoTargetError(f"{provider.name}: {error}; run this again, which does what is left") from None
    if arguments.dry_run and steps:
        print("Nothing was changed. Without DRY_RUN=1, this is done.")
    elif secret is not None and not secret.kept():
        print(f"{provider.name}: no signing secret is stored here: make secret PROVIDER={provider.name}")
    return 0


if __name__ == "__main__":
    run(main)
