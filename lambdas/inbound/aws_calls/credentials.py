"""Whose calls these are: the credentials of the function's role."""

import json
import os
import time
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from lambdas.inbound.aws_calls.connection import Host
from lambdas.inbound.aws_calls.signing import Credentials

# Renewed this long before they end, and while that fails, used to the end.
RENEW_BEFORE_SECONDS = 300.0
# How long a renewal that failed is not tried again while the old ones are still good.
RETRY_RENEWAL_SECONDS = 15.0
# The only hosts that a token may be sent to without TLS: this machine, and the addresses that AWS reserves on it.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
_TRUSTED_HOSTS = frozenset({"127.0.0.1", "localhost", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"})


class NoCredentialsError(Exception):
    """There are none, or none that are still good."""


class RoleCredentials:
    """The role's credentials, as Lambda hands them out.

    Lambda sets them as environment variables and ends the process before they end; they are read at each call, so that
    whoever does renew them there is heard. Where Lambda restores a snapshot instead (SnapStart), it names an address
    that gives them, and they are renewed before they end.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html,
    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-security.html

    Parameters
    ----------
    clock : Callable[[], float]
        Seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._given: tuple[Credentials, float] | None = None
        self._failed_at = 0.0

    def get(self) -> Credentials:
        """Return credentials that are good now.

        Raises
        ------
        NoCredentialsError
            When there are none.
        """
        environment = os.environ
        access, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
        if access and secret:
            return Credentials(access, secret, environment.get("AWS_SESSION_TOKEN") or None)
        return self._from_container()

    def _from_container(self) -> Credentials:
        now = self._clock()
        given = self._given
        if given and (now < given[1] - RENEW_BEFORE_SECONDS or now < self._failed_at + RETRY_RENEWAL_SECONDS):
            if now < given[1]:
                return given[0]
            raise NoCredentialsError("the credentials have ended")
        try:
            self._given = given = _fetch()
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._failed_at = now
            if given and now < given[1]:
                return given[0]
            # What was answered may hold a key.
            raise NoCredentialsError(f"no credentials: {type(error).__name__}") from None
        if now >= given[1]:
            raise NoCredentialsError("the credentials have ended")
        return given[0]


def _fetch() -> tuple[Credentials, float]:
    """Return what the container's address gives, and when it ends, in seconds since the epoch."""
    url = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not url:
        raise ValueError("neither credentials nor an address of them in the environment")
    address = urlsplit(url)
    if address.scheme != "http" or address.hostname not in _TRUSTED_HOSTS:
        raise ValueError("not an address of this machine")
    token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    host = Host(f"http://{address.netloc}")
    path = f"{address.path or '/'}{'?' + address.query if address.query else ''}"
    response = host.exchange("GET", path, {"host": host.name} | ({"authorization": token} if token else {}))
    if response.status != 200:
        raise ValueError("refused")
    fields = json.loads(response.body)
    ends = datetime.fromisoformat(fields["Expiration"]).timestamp()
    return Credentials(fields["AccessKeyId"], fields["SecretAccessKey"], fields.get("Token")), ends
