"""A provider's test events, from their signatures to what has become of them."""

import secrets as random_source
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import requests

from lambdas.inbound.batch_object import NotABatchObjectError
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.processing.bus import SOURCE_PREFIX
from tools.commands.archive_proof import ArchivedPayload, Proof, prove
from tools.commands.secret import read_secrets
from tools.commands.send import FORGERIES, signing_secret
from tools.commands.target_stack import NoTargetError, Target
from tools.local.stack import post_webhook
from tools.senders import SENDERS, SentWebhook, Signing
from tools.smoke.look import TROUBLE, Look, Result, WrongError, look_at, said
from tools.smoke.own_queue import MarkedQueue

# What the transaction ids of test events begin with: in the payload, on the record and on the bus.
MARK = "smoke_test_"
# Beyond those of `make send`, and small enough for amounts that are made of them.
NUMBERS = range(1_000_000, 1_600_000, 2)
FORGED, *OF_GENUINE = COLUMNS = ("forged", "answer", "status", "archive", "evidence", "bus")


@dataclass(kw_only=True)
class Trial:
    """What is sent for a provider, and what was found.

    Attributes
    ----------
    target : Target
        The environment.
    name : str
        Deployed name.
    content_type : str | None
        That of the event, where it is not the provider's own.
    genuine, forged : SentWebhook | None
        What is sent; None for what cannot be, or is not to be.
    status : dict[str, Any] | None
        Status of the transaction, once it has come to an end.
    looks : dict[str, Look]
        Column to what was found.
    """

    target: Target
    name: str
    content_type: str | None = None
    genuine: SentWebhook | None = None
    forged: SentWebhook | None = None
    status: dict[str, Any] | None = None
    looks: dict[str, Look] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What the page calls it."""
        return f"{self.name}, {self.content_type}" if self.content_type else self.name

    @property
    def is_accepted(self) -> bool:
        """Whether its genuine event was taken."""
        return self.genuine is not None and self.looks["answer"].result is Result.GOOD

    def leave_open(self, reason: str, *columns: str) -> None:
        """Note what cannot be looked at, and why."""
        for column in columns:
            self.looks.setdefault(column, Look(f"{self.label}: {column}", Result.OPEN, reason))

    def plan(self) -> None:
        """Make the events, or note why there are none. Nothing is sent to a provider without a secret: 503 alarms."""
        try:
            self._plan()
        except NoTargetError as reason:
            self.leave_open(str(reason).removeprefix("PROVIDER: "), *COLUMNS)
        except TROUBLE as error:
            self.looks["answer"] = Look(f"{self.label}: answer", Result.BAD, f"it was not sent: {said(error)}")
            self.leave_open("nothing was sent", *COLUMNS)

    def _plan(self) -> None:
        entry = self.target.entry_of(self.name)
        if entry not in SENDERS:
            raise NoTargetError(f"only {REGISTRY[entry].title} can sign its webhooks")
        if not self._keys():
            raise NoTargetError("it has no secret yet")
        sender, options = SENDERS[entry], self.target.settings.provider_options.get(self.name, {})
        event = None
        if topics := options.get("topics"):
            event = next((each for each in sender.events if each in topics.split(",")), None)
            if event is None:
                raise NoTargetError("none of its topics is one that can be sent")
        number = random_source.choice(NUMBERS)
        signing = Signing(secret="", now=int(time.time()), number=number, options=options, mark=MARK)
        self.forged = FORGERIES["key"](sender, replace(signing, number=number + 1), event, self.name)
        try:
            secret = signing_secret(self.target, self.name, sender)
        except NoTargetError as reason:
            self.leave_open(str(reason).removeprefix("PROVIDER: "), *OF_GENUINE)
            return
        genuine = sender.webhook(replace(signing, secret=secret), event=event, name=self.name)
        if self.target.status(genuine.transaction_id) is not None:
            raise NoTargetError("an earlier run had the same number; run it again")
        kind = {"Content-Type": self.content_type} if self.content_type else {}
        self.genuine = replace(genuine, headers={**genuine.headers, **kind})

    def send(self) -> None:
        """Send the events, the forged one first: whatever becomes of it is so before the other is routed."""
        if self.forged:
            self._note(FORGED, self._send_forged)
        if self.genuine:
            self._note("answer", self._send_genuine)

    def examine(self, queue: MarkedQueue | None) -> None:
        """Look at what has become of the events."""
        if self.forged and self.looks[FORGED].result is Result.GOOD:
            self._note(FORGED, self._check_forged)
        if self.genuine is None:
            return
        self._note("status", self._check_status)
        found: list[ArchivedPayload] = []
        if self.status is not None:
            self._note("archive", lambda: found.append(self._archived()))
        if found:
            self._note("evidence", lambda: self._check_evidence(found[0]))
        if queue is not None:
            self._note("bus", lambda: self._check_event(queue))
        self.leave_open("what it follows from is not there", *OF_GENUINE)

    def _note(self, column: str, look: Callable[[], None]) -> None:
        self.looks[column] = look_at(f"{self.label}: {column}", look)

    def _keys(self) -> Sequence[str]:
        return read_secrets(self.target.client("secretsmanager"), self.target.outputs["secret_arns"][self.name])

    def _post(self, webhook: SentWebhook | None) -> requests.Response:
        assert webhook is not None
        return post_webhook(self.target.base_url, self.target.outputs, self.target.verify, webhook)

    def _send_forged(self) -> None:
        answer = self._post(self.forged)
        direct = self.target.settings.api.ingest == "direct"
        wanted = REGISTRY[self.target.entry_of(self.name)].response.status if direct else 401
        if answer.status_code != wanted:
            raise WrongError(f"answered {answer.status_code} instead of {wanted}")

    def _send_genuine(self) -> None:
        answer, wanted = self._post(self.genuine), REGISTRY[self.target.entry_of(self.name)].response
        if answer.status_code != wanted.status or wanted.body not in (None, answer.text):
            raise WrongError(f"answered {answer.status_code} {answer.text[:80]!r} instead of {wanted.status}")

    def _check_forged(self) -> None:
        assert self.forged is not None
        if self.target.status(self.forged.transaction_id) is not None:
            raise WrongError("what another key signed is on record")

    def _check_status(self) -> None:
        assert self.genuine is not None
        found = self.status or self.target.status(self.genuine.transaction_id)
        if found is None or found["state"] != "ROUTED":
            raise WrongError(f"its state is {found['state']}" if found else "it is not on record")

    def _archived(self) -> ArchivedPayload:
        """Return the payload that the record names, which must be what was sent."""
        assert self.status is not None
        assert self.genuine is not None
        key = self.status["events"][0]["archive"]["key"]
        answer = self.target.client("s3").get_object(Bucket=self.target.outputs["bucket_name"], Key=key)
        try:
            found = ArchivedPayload.of_object(key, answer["Body"].read(), answer["Metadata"])
        except NotABatchObjectError as error:
            raise WrongError(f"{key}: {error}") from error
        for payload in found:
            if (payload.provider, payload.body) == (self.name, self.genuine.body):
                return payload
        raise WrongError(f"what was sent is not in {key}")

    def _check_evidence(self, payload: ArchivedPayload) -> None:
        proof = prove(payload, self._keys(), lambda _: None)
        if proof is not Proof.PROVEN:
            raise WrongError(proof)

    def _check_event(self, queue: MarkedQueue) -> None:
        assert self.genuine is not None
        event = queue.events.get(self.genuine.transaction_id)
        if event is None:
            raise WrongError("the bus sent no such event on")
        if event["source"] != SOURCE_PREFIX + self.name:
            raise WrongError(f"its source is {event['source']}")
