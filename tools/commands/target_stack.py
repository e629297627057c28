"""A running stack that a command works on: the one that ``make up`` started, or one that is deployed to AWS."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import boto3
import requests
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from lambdas.shared import times
from modules.settings.environments import load_declared, load_settings
from modules.settings.model import Settings
from modules.settings.validation import SettingsError
from tools import ROOT
from tools.local.aws import ROOT_KEY, LocalEndpoint
from tools.local.calls import call_signed, local_base_url
from tools.local.saved_stack import DESCRIPTION
from tools.local.stack import ENVIRONMENTS, status_path
from tools.local.terraform import TerraformError, Workspace

LOCAL = "local"
# Where 'make up' says that its stacks run.
UP_STATE = ROOT / ".local" / "up.json"


class NoTargetError(Exception):
    """There is no such stack to work on; the message says what to do."""


def time_of(name: str, given: str) -> float:
    """Return what was given as a time, in seconds since the epoch.

    Raises
    ------
    NoTargetError
        When it is none.
    """
    seconds = times.parse_rfc3339(given)
    if seconds is None:
        raise NoTargetError(f"{name}: {given!r} is not an RFC 3339 time such as 2026-01-31T12:00:00Z")
    return seconds


class NotThereError(NoTargetError):
    """The stack knows nothing of what it is asked for."""


class NotAllowedError(NoTargetError):
    """Whoever asks may not do that."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A running stack.

    Attributes
    ----------
    settings : Settings
        Those of its environment.
    base_url : str
        Base URL of its API.
    outputs : Mapping[str, Any]
        Terraform's outputs.
    client : Callable[[str], Any]
        Returns a boto3 client of a service.
    verify : str | bool
        What the API's certificate is verified against.
    signing_secrets : Mapping[str, str]
        Deployed name to what its sender signs with, where that is known.
    credentials : Credentials | None
        Those of whoever calls the operators' routes.
    is_local : bool
        Whether it runs on the local AWS.
    delivery_url : Callable[[], str | None]
        Returns the base URL of the delivery stack's API; None where there is no such stack beside it.
    """

    settings: Settings
    base_url: str
    outputs: Mapping[str, Any]
    client: Callable[..., Any]
    verify: str | bool
    signing_secrets: Mapping[str, str]
    credentials: Credentials | None = None
    is_local: bool = False
    delivery_url: Callable[[], str | None] = lambda: None

    @classmethod
    def chosen(cls) -> Self:
        """Return the stack of ``ENVIRONMENT_SUFFIX``, or the one that ``make up`` started where that is not set.

        Raises
        ------
        NoTargetError
            When it does not run.
        """
        environment = os.environ.get("ENVIRONMENT_SUFFIX")
        return cls.deployed(environment) if environment else cls.local(UP_STATE)

    @classmethod
    def local(cls, running: Path) -> Self:
        """Return the stack that ``make up`` started.

        Parameters
        ----------
        running : Path
            Where that says where it runs.
        """
        if not running.is_file():
            raise NoTargetError(
                "nothing is running: start it with 'make up', or name a deployed environment in ENVIRONMENT_SUFFIX"
            )
        state = json.loads(running.read_text(encoding="utf-8"))
        aws = LocalEndpoint(state["port"], Path(state["folder"]))
        described = json.loads((aws.folder / DESCRIPTION).read_text(encoding="utf-8"))
        outputs = described["inbound"]["outputs"]
        delivery = described["delivery"] and local_base_url(aws, described["delivery"]["outputs"]["endpoint_url"])
        return cls(
            settings=load_settings(ENVIRONMENTS, LOCAL),
            base_url=local_base_url(aws, outputs["endpoint_url"]),
            outputs=outputs,
            client=cache(aws.client),
            verify=str(aws.certificate_authority),
            signing_secrets=described["secrets"],
            credentials=Credentials(ROOT_KEY, ROOT_KEY),
            is_local=True,
            delivery_url=lambda: delivery,
        )

    @classmethod
    def deployed(cls, environment: str) -> Self:
        """Return a stack in AWS, as this folder's ``cdktf deploy`` left it; credentials are the caller's own."""
        settings = load_declared(ROOT / "cdktf.json", environment)
        outputs = _outputs(f"webhooks-{environment}")
        session = boto3.Session(region_name=settings.region)
        return cls(
            settings=settings,
            base_url=outputs["endpoint_url"],
            outputs=outputs,
            client=cache(session.client),
            verify=True,
            signing_secrets={},
            credentials=session.get_credentials(),
            delivery_url=cache(
                lambda: _outputs(f"delivery-{environment}")["endpoint_url"] if settings.delivery else None
            ),
        )

    def status(self, transaction_id: str) -> dict[str, Any] | None:
        """Return a transaction's status, or None while it is unknown.

        Raises
        ------
        requests.RequestException
            When it cannot be asked for, or is refused.
        NoCredentialsError
            When there are none to ask with.
        """
        answer = self._call("GET", status_path(transaction_id))
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def ask(self, path: str, base_url: str | None = None) -> dict[str, Any]:
        """Return what an operators' route answers, of the inbound API where no other is given.

        Raises
        ------
        NotThereError, NotAllowedError
            When it says 404, or 403.
        NoTargetError
            When it refuses otherwise; with what it says.
        requests.RequestException
            When it cannot be asked.
        NoCredentialsError
            When there are none to ask with.
        """
        found: dict[str, Any] = self._answer("GET", path, base_url).json()
        return found

    def act(
        self, path: str, body: Mapping[str, Any] | None, base_url: str | None = None, method: str = "POST"
    ) -> dict[str, Any]:
        """Return what an operators' route answers that changes something; it raises what `ask` does."""
        found: dict[str, Any] = self._answer(method, path, base_url, body).json()
        return found

    def read(self, path: str) -> bytes:
        """Return the bytes that an operators' route of the inbound API answers; it raises what `ask` does."""
        return self._answer("GET", path).content

    def _answer(
        self, method: str, path: str, base_url: str | None = None, body: Mapping[str, Any] | None = None
    ) -> requests.Response:
        answer = self._call(method, path, base_url, body)
        if answer.status_code in {400, 403, 404, 409}:
            kind = {404: NotThereError, 403: NotAllowedError}.get(answer.status_code, NoTargetError)
            # What is in front of the API may answer too, and in its own form.
            with suppress(requests.JSONDecodeError):
                raise kind(_refusal(answer.json()))
        answer.raise_for_status()
        if answer.is_redirect:
            raise requests.HTTPError("a redirect", response=answer)
        return answer

    def _call(
        self, method: str, path: str, base_url: str | None = None, body: Mapping[str, Any] | None = None
    ) -> requests.Response:
        if self.credentials is None:
            raise NoCredentialsError
        url = (base_url or self.base_url) + path
        return call_signed(method, url, self.credentials, verify=self.verify, region=self.settings.region, body=body)

    def entry_of(self, provider: str) -> str:
        """Return the registry entry under a deployed name.

        Raises
        ------
        NoTargetError
            When none is deployed under it.
        """
        try:
            return self.settings.providers[provider]
        except KeyError:
            names = ", ".join(self.settings.providers)
            raise NoTargetError(f"PROVIDER: {provider!r} is not deployed; deployed: {names}") from None


def _refusal(body: Mapping[str, Any]) -> str:
    """Return what a refusal says to people: ``error`` of the inbound API, ``message`` and ``fields`` of the others."""
    said = str(body.get("message") or body.get("error"))
    return "; ".join([said, *(f"{wrong['field']}: {wrong['problem']}" for wrong in body.get("fields", ()))])


def _outputs(stack: str) -> Mapping[str, Any]:
    """Return the outputs of a stack in AWS, as this folder's ``cdktf deploy`` left it."""
    try:
        outputs = Workspace.reopen(ROOT / "cdktf.out" / "stacks" / stack, os.environ).outputs()
    except (TerraformError, FileNotFoundError) as error:
        raise NoTargetError(
            f"the outputs of {stack!r} cannot be read here. If it is deployed, run make synth, and terraform init in "
            f"cdktf.out/stacks/{stack}, with access to its state: {error}"
        ) from error
    if not outputs:
        raise NoTargetError(f"{stack!r} has no outputs: deploy it first")
    return outputs


def trouble(error: Exception) -> str:
    """Return what kind of trouble there is with AWS or an API; its own words may repeat what was sent."""
    if isinstance(error, ClientError):
        return f"AWS refused {error.operation_name}: {error.response['Error']['Code']}"
    if isinstance(error, requests.HTTPError):
        return f"the API answered {error.response.status_code}"
    of = "the API" if isinstance(error, requests.RequestException) else "AWS"
    return f"{of} cannot be asked: {type(error).__name__}"


def run(main: Callable[[], int]) -> None:
    """Run a command; a target that is not there, or that does not answer, is a message and not a traceback."""
    try:
        sys.exit(main())
    except (NoTargetError, SettingsError, BotoCoreError, ClientError) as error:
        sys.exit(f"error: {error}")
    except requests.RequestException as error:
        sys.exit(f"error: {trouble(error)}")
