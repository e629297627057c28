"""What settings must be together, beyond the range of each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from lambdas.inbound.providers.registry import REGISTRY
from modules.settings.concurrency import LEAST_OF_A_MAPPING, MOST_OF_A_MAPPING, UNRESERVED, reserved_concurrency
from modules.settings.validation import SettingsError

if TYPE_CHECKING:
    from modules.settings.model import QueueSettings, Settings

# What the native bundle of ingestion is built for; see tools/build/bundle.py.
NATIVE_RUNTIME = "python3.13"
# The most that Lambda takes from a queue in one receive.
SMALL_BATCH = 10
# SQS takes 1,048,576 bytes, but the AWS provider 5.100.0 lets no queue take more than these.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html,
# https://github.com/hashicorp/terraform-provider-aws/issues/45152
INBOX_MESSAGE_BYTES = 262_144
# Of a message, base64 leaves three quarters for the body, beside headers of usual size. A body of this size with larger
# headers is refused by SQS, and so is answered 413 as well.
MAX_DIRECT_BODY_BYTES = 180_000
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", re.ASCII)
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d", re.ASCII)
# Lambda takes 4 KB of environment variables, of which the other variables of ingestion take some 400 bytes.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MAX_PROVIDERS_CHARS = 3_600
# `,"secretArn":"arn:aws:secretsmanager::123456789012:secret:webhook-secret---AbCdEf"`
_SECRET_ARN_CHARS = 80
# Python calls others private too, of which AWS refuses some, such as 127.0.0.0/8.
# https://www.rfc-editor.org/rfc/rfc1918
_PRIVATE = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def check_together(settings: Settings) -> None:
    """Check the settings that depend on each other, and names.

    Raises
    ------
    SettingsError
        Names the field, the value, and what is allowed.
    """
    _check_region(settings)
    _check_providers(settings)
    _check_provider_options(settings)
    _check_variables(settings)
    _check_api_key(settings)
    _check_ingest(settings)
    _check_queue(settings)
    _check_subscribers(settings)
    _check_concurrency(settings)
    _check_network(settings)
    _check_certificates(settings)
    _check_runtime(settings)
    _check_delivery(settings)


def _check_region(settings: Settings) -> None:
    if not _REGION.fullmatch(settings.region):
        raise SettingsError(f"region: {settings.region!r} is not the name of an AWS region")


def _check_providers(settings: Settings) -> None:
    if not settings.providers:
        raise SettingsError("providers: none is given, and a stack without one receives nothing")
    for name, registered in settings.providers.items():
        _check_name("providers", name)
        if not isinstance(registered, str) or registered not in REGISTRY:
            raise SettingsError(f"providers.{name}: {registered!r} is none of {', '.join(REGISTRY)}")


def _check_provider_options(settings: Settings) -> None:
    for name, options in settings.provider_options.items():
        if name not in settings.providers:
            raise SettingsError(f"provider_options: {name!r} is none of the deployed providers")
        if not isinstance(options, Mapping):
            raise SettingsError(f"provider_options.{name}: {options!r} is not a group of options")
        known = REGISTRY[settings.providers[name]].options
        for option, value in options.items():
            field = f"provider_options.{name}.{option}"
            if option not in known:
                raise SettingsError(f"{field}: unknown option; known: {', '.join(known) or 'none'}")
            if not isinstance(value, str) or not re.fullmatch(known[option].pattern, value, re.ASCII):
                raise SettingsError(f"{field}: {value!r} is not allowed; it is {known[option].doc}")
        _check_headers(name, REGISTRY[settings.providers[name]].configured(options).scheme)
    for name, registered in settings.providers.items():
        for option, rule in REGISTRY[registered].options.items():
            if rule.required and option not in settings.provider_options.get(name, {}):
                raise SettingsError(f"provider_options.{name}.{option}: is missing; it is {rule.doc}")


def _check_headers(name: str, scheme: object) -> None:
    header, timestamp = getattr(scheme, "header", ""), getattr(scheme, "timestamp_header", None)
    if timestamp and timestamp.lower() == header.lower():
        raise SettingsError(
            f"provider_options.{name}.timestamp_header: {timestamp!r} is the header of the signature as well, so that "
            "every webhook would be refused; allowed: another header"
        )


def _check_variables(settings: Settings) -> None:
    """Check that ingestion's variable with all providers fits; see `SecretsLayer.providers_variable`."""
    size = 0
    for name, entry in settings.providers.items():
        options = settings.provider_options.get(name)
        said = {"entry": entry, **({"options": dict(options)} if options else {})}
        size += len(json.dumps({name: said}, separators=(",", ":")))
        if REGISTRY[entry].needs_secret:
            size += _SECRET_ARN_CHARS + len(settings.region + name + settings.environment)
    if size > _MAX_PROVIDERS_CHARS:
        raise SettingsError(
            f"providers: {len(settings.providers)} with their options take {size:,} bytes of ingestion's environment, "
            f"of which Lambda leaves {_MAX_PROVIDERS_CHARS:,}; allowed: fewer of them, or shorter names and options; "
            "deploy the others as an environment of their own"
        )


def _check_api_key(settings: Settings) -> None:
    added = settings.api.api_key_added_for
    for name in added:
        if name not in settings.providers:
            raise SettingsError(f"api.api_key_added_for: {name!r} is none of the deployed providers")
        if not settings.api.api_key:
            raise SettingsError(f"api.api_key_added_for: {name!r} is named, but api.api_key is false")
    for name, registered in settings.providers.items():
        if settings.api.api_key and not REGISTRY[registered].sends_api_key and name not in added:
            raise SettingsError(
                f"providers.{name}: {REGISTRY[registered].title} cannot send the API key that api.api_key asks for, so "
                "that every webhook of it would be refused; set api.api_key to false, or name it in "
                "api.api_key_added_for if it comes through something that adds the key"
            )


def _check_ingest(settings: Settings) -> None:
    api = settings.api
    if api.ingest != "direct":
        return
    if settings.queue.fifo:
        raise SettingsError(
            "api.ingest: 'direct' is not allowed with queue.fifo, whose order would be that in which requests are "
            "verified and no longer that in which they came; allowed: 'function', or queue.fifo false"
        )
    if api.max_body_bytes > MAX_DIRECT_BODY_BYTES:
        raise SettingsError(
            f"api.max_body_bytes: {api.max_body_bytes:,} bytes do not fit into a message of the inbox that api.ingest "
            f"'direct' writes; allowed: {MAX_DIRECT_BODY_BYTES:,} at most"
        )
    reserved = reserved_concurrency(api.throttle_rate, settings.functions, direct=True)["ingestion"]
    if not LEAST_OF_A_MAPPING <= reserved <= MOST_OF_A_MAPPING:
        raise SettingsError(
            f"functions.ingestion_reserved_concurrency: {reserved:,} is not what an event source mapping can use, as "
            f"api.ingest 'direct' has one; allowed: {LEAST_OF_A_MAPPING} to {MOST_OF_A_MAPPING:,}, or a lower "
            "functions.ingestion_budget that asks for no more"
        )


def _check_queue(settings: Settings) -> None:
    queue, timeout = settings.queue, settings.functions.timeout
    _check_batches(queue)
    if 6 * timeout + queue.batch_window > queue.visibility_timeout:
        window = f" and queue.batch_window, {queue.batch_window} s, on top" if queue.batch_window else ""
        raise SettingsError(
            f"queue.visibility_timeout: {queue.visibility_timeout} s is less than six times functions.timeout, "
            f"{timeout} s{window}: a message would be received again while it is being processed"
        )
    in_flight = queue.visibility_timeout * queue.max_receive_count
    if queue.retention <= in_flight:
        raise SettingsError(
            f"queue.retention: {queue.retention} s is no longer than queue.max_receive_count times "
            f"queue.visibility_timeout, {in_flight} s: a message would expire before its last receive, and be lost"
        )
    if queue.ordered_by != "provider" and not queue.fifo:
        raise SettingsError(f"queue.ordered_by: {queue.ordered_by!r} needs queue.fifo; a standard queue keeps no order")


def _check_batches(queue: QueueSettings) -> None:
    """Check what Lambda takes of a queue: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html."""
    if queue.fifo and queue.batch_size > SMALL_BATCH:
        raise SettingsError(
            f"queue.batch_size: {queue.batch_size:,} is more than the {SMALL_BATCH} that Lambda takes with queue.fifo; "
            f"set queue.batch_size to {SMALL_BATCH} or less, and queue.batch_window to 0"
        )
    if queue.fifo and queue.batch_window:
        raise SettingsError(
            f"queue.batch_window: {queue.batch_window} s is not allowed with queue.fifo, of which Lambda gathers no "
            "batches; set it to 0"
        )
    if queue.batch_size > SMALL_BATCH and not queue.batch_window:
        raise SettingsError(
            f"queue.batch_size: {queue.batch_size:,} is more than the {SMALL_BATCH} that Lambda takes from a queue "
            "without gathering; set queue.batch_window to 1 s or more"
        )


def _check_subscribers(settings: Settings) -> None:
    for name, provider in settings.routing.subscribers.items():
        _check_name("routing.subscribers", name)
        if not isinstance(provider, str) or provider not in settings.providers:
            raise SettingsError(
                f"routing.subscribers.{name}: {provider!r} is none of the deployed providers, "
                f"{', '.join(settings.providers)}"
            )


def _check_concurrency(settings: Settings) -> None:
    direct = settings.api.ingest == "direct"
    reserved = (
        reserved_concurrency(settings.api.throttle_rate, settings.functions, direct=direct) if settings.inbound else {}
    )
    if settings.delivery is not None:
        reserved["delivery"] = settings.delivery.worker_concurrency
    limit = settings.functions.account_concurrency
    if (total := sum(reserved.values())) > limit - UNRESERVED:
        shares = " and ".join(f"{count:,} for {name}" for name, count in reserved.items())
        raise SettingsError(
            f"functions.account_concurrency: {limit:,} is too little for {shares}, {total:,} together, since Lambda "
            f"keeps {UNRESERVED} for functions without a reservation; have the account's limit raised and say so here, "
            "or lower api.throttle_rate or the budgets"
        )


def _check_network(settings: Settings) -> None:
    try:
        network = IPv4Network(settings.network.cidr)
    except ValueError as error:
        raise SettingsError(f"network.cidr: {settings.network.cidr!r} is not an IPv4 network: {error}") from error
    # AWS takes /16 to /28, and a subnet, of which there are two, is /28 at the smallest.
    # https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
    if not (
        16 <= network.prefixlen <= 27
        and any(network.subnet_of(block) for block in _PRIVATE)
        # Terraform takes no mask for a length.
        and str(network) == settings.network.cidr
    ):
        raise SettingsError(f"network.cidr: {settings.network.cidr!r} is not allowed; allowed: private, /16 to /27")
    zones = settings.network.zones
    if not (isinstance(zones, list | tuple) and len(set(zones)) == len(zones) == 2):
        raise SettingsError(f"network.zones: {zones!r} is not allowed; allowed: two different zone letters")
    for zone in zones:
        if not (isinstance(zone, str) and re.fullmatch("[a-z]", zone)):
            raise SettingsError(f"network.zones: {zone!r} is not the letter of an availability zone")


def _check_certificates(settings: Settings) -> None:
    for name, registered in settings.providers.items():
        if settings.network.vpc and (hosts := REGISTRY[registered].certificate_hosts):
            raise SettingsError(
                f"providers.{name}: its certificate is fetched from {' or '.join(hosts)}, which functions in a VPC "
                "without a way to the internet cannot reach; set network.vpc to false"
            )


def _check_runtime(settings: Settings) -> None:
    for name, registered in settings.providers.items():
        if REGISTRY[registered].native and settings.functions.runtime != NATIVE_RUNTIME:
            raise SettingsError(
                f"functions.runtime: {settings.functions.runtime!r} is not allowed with providers.{name}, whose "
                f"signatures need code that is compiled for {NATIVE_RUNTIME}"
            )


def _check_delivery(settings: Settings) -> None:
    delivery = settings.delivery
    if delivery is None:
        if not settings.inbound:
            raise SettingsError("inbound: False leaves nothing to deploy; allowed: False together with delivery")
        return
    if settings.functions.runtime != NATIVE_RUNTIME:
        raise SettingsError(
            f"functions.runtime: {settings.functions.runtime!r} is not allowed with delivery, whose functions need "
            f"code that is compiled for {NATIVE_RUNTIME}"
        )
    for provider in delivery.subscriptions:
        _check_name("delivery.subscriptions", provider)
        if settings.inbound and delivery.bus_name is None and provider not in settings.providers:
            raise SettingsError(
                f"delivery.subscriptions: {provider!r} is none of the deployed providers, "
                f"{', '.join(settings.providers)}"
            )
    if delivery.subscriptions and delivery.bus_name is None and not settings.inbound:
        raise SettingsError(
            "delivery.bus_name: is missing; without an inbound stack in this environment, delivery.subscriptions needs "
            "the name of the event bus"
        )


def _check_name(field: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{field}: {name!r} is not allowed; allowed: 1 to 32 lower-case letters, digits and inner hyphens"
        )
