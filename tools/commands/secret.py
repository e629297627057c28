"""A provider's signing secret in Secrets Manager: setting it, and rotating it with an overlap; and its API key.

Neither is ever printed.
"""

import getpass
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.secrets import INGEST_QUEUE_RECHECK_SECONDS, RECHECK_SECONDS, parse_secret
from lambdas.reconcile.event_list import KeyModeError
from lambdas.reconcile.lists.registry import LISTS
from lambdas.shared.errors import SignatureRefusedError, UnavailableError
from lambdas.shared.request import WebhookRequest
from tools.commands.target_stack import NoTargetError, Target, run
from tools.senders import SENDERS, Signing

API = "api"
FINISH = "finish"
KEEP = "keep"
REPLACE = "replace"


def read_secrets(manager: Any, arn: str) -> Sequence[str]:
    """Return the valid secrets, the newest first; none where the secret was never filled."""
    try:
        return parse_secret(manager.get_secret_value(SecretId=arn).get("SecretString", ""))
    except UnavailableError:
        return ()
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return ()


def rotate(manager: Any, arn: str, newest: str, during_overlap: str | None = None) -> Sequence[str]:
    """Make a secret the newest one and keep the one before it valid; return those that are valid now.

    Nobody but the operator knows which secret the sender signs with, so that no rotation ends another's validity unless
    it is told to: that is `finish`.

    Parameters
    ----------
    during_overlap : str | None
        What a new secret does while several are valid: `KEEP` keeps all of them beside it, `REPLACE` puts it in place
        of the newest, which was a mistake.

    Raises
    ------
    NoTargetError
        When several are valid, the new one is not among them, and `during_overlap` is None.
    """
    valid = read_secrets(manager, arn)
    overlap = len(valid) > 1
    if overlap and newest not in valid and during_overlap is None:
        raise NoTargetError(
            f"{len(valid)} secrets are valid, because the last rotation was not finished. Nothing was changed. If the "
            "sender has switched to the newest, FINISH=1 ends that rotation. If it has not, KEEP=1 keeps all of them "
            "beside the new one. If the newest was wrong, REPLACE=1 replaces it with the new one"
        )
    kept = valid[1:] if overlap and during_overlap == REPLACE else valid
    others = [old for old in kept if old != newest]
    manager.put_secret_value(SecretId=arn, SecretString=json.dumps({"secrets": [newest, *others]}))
    return [newest, *others]


def finish(manager: Any, arn: str) -> Sequence[str]:
    """End an overlap: only the newest secret stays valid; return it.

    Raises
    ------
    NoTargetError
        When there is none.
    """
    valid = read_secrets(manager, arn)[:1]
    if not valid:
        raise NoTargetError("there is no secret yet")
    manager.put_secret_value(SecretId=arn, SecretString=json.dumps({"secrets": list(valid)}))
    return valid


def check_usable(entry: str, options: Mapping[str, str], secret: str) -> None:
    """Check that a provider's signatures can be verified with a secret, on a webhook that is signed with another one.

    Raises
    ------
    NoTargetError
        When it is of another form: stored beside the older one, it would have every webhook answered 503.
    """
    sender, provider, now = SENDERS[entry], REGISTRY[entry].configured(options), int(time.time())
    sent = sender.webhook(Signing(secret=sender.new_secret(), now=now, number=1, options={**sender.options, **options}))
    headers = {name.lower(): [value] for name, value in sent.headers.items()}
    try:
        provider.scheme.verify(WebhookRequest(body=sent.body, headers=headers, received_at=now), [secret])
    except UnavailableError:
        raise NoTargetError(
            f"this is not a secret of {provider.title}; expected: {provider.key_doc}; nothing was changed"
        ) from None
    except SignatureRefusedError:
        return


def main() -> int:
    """Set or rotate the secret of the provider named first, see `rotate`; or ``finish``, or set its ``api`` key."""
    provider, *more = sys.argv[1:]
    if len(more) > 1:
        raise NoTargetError(f"only one of these is allowed: {', '.join(f'{word.upper()}=1' for word in more)}")
    wish = more[0] if more else None
    target = Target.chosen()
    entry = target.entry_of(provider)
    if wish == API:
        return set_api_key(target, provider)
    if not REGISTRY[entry].needs_secret:
        raise NoTargetError(f"PROVIDER: {provider!r} has no secret: {REGISTRY[entry].key_doc.removeprefix('none: ')}")
    manager, arn = target.client("secretsmanager"), target.outputs["secret_arns"][provider]
    if wish == FINISH:
        finish(manager, arn)
        print(f"{provider}: one secret is valid now")
        return 0
    newest = entered(f"new signing secret of {provider}: ")
    check_usable(entry, target.settings.provider_options.get(provider, {}), newest)
    valid = rotate(manager, arn, newest, wish)
    overlap = "" if len(valid) == 1 else "; after the sender has switched: make secret PROVIDER=... FINISH=1"
    print(f"{provider}: {len(valid)} secrets are valid now{overlap}")
    if overlap:
        print(f"{provider}: events signed with the newest are accepted {_from_when(target.settings.api.ingest)}")
    return 0


def set_api_key(target: Target, provider: str) -> int:
    """Replace the API key with which a provider's list of events is read.

    Raises
    ------
    NoTargetError
        When the provider is not reconciled, or it is no such key, or one of another mode than the option `mode`.
    """
    arns = target.outputs.get("api_secret_arns", {})
    if provider not in arns:
        raise NoTargetError(f"PROVIDER: {provider!r} has no API key here; name it in the setting reconciliation")
    entry, options = target.entry_of(provider), target.settings.provider_options.get(provider, {})
    kind = LISTS[entry]
    key = entered(f"API key of {provider}: ")
    if not re.fullmatch(kind.key_pattern, key, re.ASCII):
        raise NoTargetError(f"this is not an API key of {provider}; expected: {kind.key_doc}; nothing was changed")
    try:
        kind.check_mode(key, REGISTRY[entry].configured(options).deployed_mode)
    except KeyModeError as error:
        raise NoTargetError(f"{provider}: {error}; nothing was changed") from None
    target.client("secretsmanager").put_secret_value(SecretId=arns[provider], SecretString=key)
    print(f"{provider}: the next reconciliation uses this API key")
    return 0


def entered(prompt: str) -> str:
    """Return what is entered at the terminal, where it is not shown, or in a pipe.

    Raises
    ------
    NoTargetError
        When that is nothing.
    """
    given = (getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not given:
        raise NoTargetError("nothing was entered; nothing was changed")
    return given


def _from_when(ingest: str) -> str:
    """Return from when on a function that has an older secret in its cache takes what the newest has signed."""
    if ingest == "direct":
        return f"from {INGEST_QUEUE_RECHECK_SECONDS:g} s from now on; earlier ones may be dropped"
    return f"from {RECHECK_SECONDS:g} s from now on; earlier ones may be answered 401"


if __name__ == "__main__":
    run(main)
