"""What settings must be together, beyond the range of each.

Every check raises a `SettingsError` that names the field, the value, and what is allowed.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from ipaddress import IPv4Network

from lambdas.inbound.providers.entry import COMMON_OPTIONS
from lambdas.inbound.providers.fields import LIVE
from lambdas.inbound.providers.registry import REGISTRY
from modules.settings.concurrency import (
    MAX_MAPPING_CONCURRENCY,
    MIN_MAPPING_CONCURRENCY,
    UNRESERVED,
    reserved_concurrency,
)
from modules.settings.delivery import TARGETS_OF_A_RULE, DeliverySettings
from modules.settings.formats import DEPLOYED
from modules.settings.matching import check_match
from modules.settings.reconciliation import Reconciled, reconciled_variable
from modules.settings.sections import (
    ApiSettings,
    FunctionSettings,
    MonitoringSettings,
    NetworkSettings,
    QueueSettings,
    RoutingSettings,
)
from modules.settings.validation import SettingsError
from modules.settings.variables import check_room

# Deployed name to registry entry, and to options.
Providers = Mapping[str, str]
Options = Mapping[str, Mapping[str, str]]


# What the native bundle of ingestion is built for; see tools/build/bundle.py.
NATIVE_RUNTIME = "python3.13"
# The most that Lambda takes from a queue in one receive.
SMALL_BATCH = 10
# SQS takes 1,048,576 bytes, but the AWS provider 5.100.0 lets no queue take more than these.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html,
# https://github.com/hashicorp/terraform-provider-aws/issues/45152
INGEST_MESSAGE_BYTES = 262_144
# Of a message, base64 leaves three quarters for the body, beside headers of usual size. A body of this size with larger
# headers is refused by SQS, and so is answered 413 as well.
MAX_DIRECT_BODY_BYTES = 180_000
# The service's own tags. AWS takes 50 for a resource, and 10 for an object in S3, which has none here.
OWN_TAGS = ("Environment", "Service", "ManagedBy", "Version")
MAX_OWN_TAGS = 40
_TAG = re.compile(r"[\w .:/=+@-]+")
# Ingestion's variables besides this text, with the longest names and numbers.
_OTHERS_OF_INGESTION = 480
_OTHERS_OF_RECONCILIATION = 580
# Python calls others private too, of which AWS refuses some, such as 127.0.0.0/8.
# https://www.rfc-editor.org/rfc/rfc1918
_PRIVATE = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def check_tags(tags: Mapping[str, str]) -> None:
    """Check tags of one's own: https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html."""
    for name, value in tags.items():
        if not _TAG.fullmatch(name) or len(name) > 128 or name.lower().startswith("aws:") or name in OWN_TAGS:
            raise SettingsError(
                f"tags: {name!r} is not allowed; allowed: 1 to 128 letters, digits, blanks and any of + - = . _ : / @, "
                f"not beginning with aws:, and none of {', '.join(OWN_TAGS)}"
            )
        if not isinstance(value, str) or len(value) > 256 or not (value == "" or _TAG.fullmatch(value)):
            raise SettingsError(
                f"tags.{name}: {value!r} is not allowed; allowed: up to 256 letters, digits, blanks and any of "
                "+ - = . _ : / @"
            )
    if len(tags) > MAX_OWN_TAGS:
        raise SettingsError(f"tags: {len(tags)} is not allowed; allowed: up to {MAX_OWN_TAGS}")


def check_providers(providers: Providers) -> None:
    """Check the deployed names and their registry entries."""
    if not providers:
        raise SettingsError("providers: none is given, and a stack without one receives nothing")
    for name, registered in providers.items():
        DEPLOYED.check("providers", name)
        if not isinstance(registered, str) or registered not in REGISTRY:
            raise SettingsError(f"providers.{name}: {registered!r} is none of {', '.join(REGISTRY)}")


def check_provider_options(providers: Providers, provider_options: Options) -> None:
    """Check that each provider has the options that it needs, and no others."""
    for name, options in provider_options.items():
        if name not in providers:
            raise SettingsError(f"provider_options: {name!r} is none of the deployed providers")
        if not isinstance(options, Mapping):
            raise SettingsError(f"provider_options.{name}: {options!r} is not a group of options")
        known = {**REGISTRY[providers[name]].options, **COMMON_OPTIONS}
        for option, value in options.items():
            field = f"provider_options.{name}.{option}"
            if option not in known:
                raise SettingsError(f"{field}: unknown option; known: {', '.join(known) or 'none'}")
            if not isinstance(value, str) or not re.fullmatch(known[option].pattern, value, re.ASCII):
                raise SettingsError(f"{field}: {value!r} is not allowed; it is {known[option].doc}")
        _check_headers(name, REGISTRY[providers[name]].configured(options).scheme)
    for name, registered in providers.items():
        for option, rule in REGISTRY[registered].options.items():
            if rule.required and option not in provider_options.get(name, {}):
                raise SettingsError(f"provider_options.{name}.{option}: is missing; it is {rule.doc}")


def _check_headers(name: str, scheme: object) -> None:
    header, timestamp = getattr(scheme, "header", ""), getattr(scheme, "timestamp_header", None)
    if timestamp and timestamp.lower() == header.lower():
        raise SettingsError(
            f"provider_options.{name}.timestamp_header: {timestamp!r} is the header of the signature as well, so that "
            "every webhook would be refused; allowed: another header"
        )


def check_variables(providers: Providers, provider_options: Options, *, environment: str) -> None:
    """Check that ingestion's variable with all providers fits; see `SecretsLayer.providers_variable`."""
    said = {
        name: {
            "entry": entry,
            **({"secretArn": f"webhook-secret-{name}-{environment}"} if REGISTRY[entry].needs_secret else {}),
            **({"options": dict(options)} if (options := provider_options.get(name)) else {}),
        }
        for name, entry in providers.items()
    }
    text = json.dumps(said, separators=(",", ":"))
    check_room(f"providers: {len(providers)} with their options", text, others=_OTHERS_OF_INGESTION)


def check_api_key(providers: Providers, api: ApiSettings) -> None:
    """Check that every provider can send the API key that `api.api_key` asks for."""
    added = api.api_key_added_for
    for name in added:
        if name not in providers:
            raise SettingsError(f"api.api_key_added_for: {name!r} is none of the deployed providers")
        if not api.api_key:
            raise SettingsError(f"api.api_key_added_for: {name!r} is named, but api.api_key is false")
    for name, registered in providers.items():
        if api.api_key and not REGISTRY[registered].sends_api_key and name not in added:
            raise SettingsError(
                f"providers.{name}: {REGISTRY[registered].title} cannot send the API key that api.api_key asks for, so "
                "that every webhook of it would be refused; set api.api_key to false, or name it in "
                "api.api_key_added_for if it comes through something that adds the key"
            )


def check_provider_rates(providers: Providers, api: ApiSettings) -> None:
    """Check that each rate is that of a deployed provider, and can be reached."""
    for name, rate in api.provider_rates.items():
        if name not in providers:
            raise SettingsError(
                f"api.provider_rates: {name!r} is none of the deployed providers, {', '.join(providers)}"
            )
        if type(rate) is not int or not 1 <= rate <= api.throttle_rate:
            raise SettingsError(
                f"api.provider_rates.{name}: {rate!r} is not allowed; allowed: 1 to api.throttle_rate, "
                f"{api.throttle_rate} requests/s"
            )


def check_ingest(api: ApiSettings, functions: FunctionSettings, queue: QueueSettings, *, environment: str) -> None:
    """Check what direct integration needs."""
    if api.ingest != "direct":
        return
    if environment.startswith("dlq-"):
        raise SettingsError(
            f"environment: {environment!r} is not allowed with api.ingest 'direct', whose ingest queue would have the "
            f"name of the dead letter queue of {environment.removeprefix('dlq-')!r}; allowed: a name that does not "
            "begin with dlq-"
        )
    if queue.fifo:
        raise SettingsError(
            "api.ingest: 'direct' is not allowed with queue.fifo, whose order would be that in which requests are "
            "verified and no longer that in which they came; allowed: 'function', or queue.fifo false"
        )
    if api.max_body_bytes > MAX_DIRECT_BODY_BYTES:
        raise SettingsError(
            f"api.max_body_bytes: {api.max_body_bytes:,} bytes do not fit into a message of the ingest queue that "
            f"api.ingest 'direct' writes; allowed: {MAX_DIRECT_BODY_BYTES:,} at most"
        )
    reserved = reserved_concurrency(api.throttle_rate, functions, direct=True)["ingestion"]
    if not MIN_MAPPING_CONCURRENCY <= reserved <= MAX_MAPPING_CONCURRENCY:
        raise SettingsError(
            f"functions.ingestion_reserved_concurrency: {reserved:,} is not what an event source mapping can use, as "
            f"api.ingest 'direct' has one; allowed: {MIN_MAPPING_CONCURRENCY} to {MAX_MAPPING_CONCURRENCY:,}, or a "
            "lower functions.ingestion_budget that asks for no more"
        )


def check_queue_timeout(queue: QueueSettings, functions: FunctionSettings) -> None:
    """Check that a message is not received again while it is processed."""
    timeout = functions.timeout
    if 6 * timeout + queue.batch_window > queue.visibility_timeout:
        window = f" and queue.batch_window, {queue.batch_window} s, on top" if queue.batch_window else ""
        raise SettingsError(
            f"queue.visibility_timeout: {queue.visibility_timeout} s is less than six times functions.timeout, "
            f"{timeout} s{window}: a message would be received again while it is being processed"
        )


def check_queue(queue: QueueSettings) -> None:
    """Check batches, order, and that a message lasts until its last receive."""
    _check_batches(queue)
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


def check_subscribers(providers: Collection[str], routing: RoutingSettings) -> None:
    """Check that each subscriber names a deployed provider, and that its rule has a target left for it."""
    for name, given in routing.subscribers.items():
        DEPLOYED.check("routing.subscribers", name)
        provider = given
        if isinstance(given, Mapping) and set(given) == {"provider", "match"}:
            check_match(f"routing.subscribers.{name}.match", given["match"])
            provider = given["provider"]
        if not isinstance(provider, str) or provider not in providers:
            raise SettingsError(
                f"routing.subscribers.{name}: {provider!r} is none of the deployed providers, {', '.join(providers)}"
            )
    for provider, count in Counter(each for each in routing.subscribers.values() if isinstance(each, str)).items():
        if count > TARGETS_OF_A_RULE:
            raise SettingsError(
                f"routing.subscribers: {count} get all events of {provider!r}; allowed: {TARGETS_OF_A_RULE}, as many "
                "as a rule has targets"
            )


def check_modes(providers: Providers, provider_options: Options, routing: RoutingSettings) -> None:
    """Check that each provider is deployed, and that what it signs, or its deployment, says the mode."""
    for name, mode in routing.modes.items():
        if name not in providers:
            raise SettingsError(f"routing.modes: {name!r} is none of the deployed providers, {', '.join(providers)}")
        if mode != LIVE:
            raise SettingsError(f"routing.modes.{name}: {mode!r} is not allowed; allowed: {LIVE}")
        entry = REGISTRY[providers[name]].configured(provider_options.get(name, {}))
        if not entry.signs("mode"):
            raise SettingsError(
                f"routing.modes.{name}: {entry.title} does not sign whether money is real; set "
                f"provider_options.{name}.mode, which says whose secret this name has"
            )


def check_expectations(providers: Providers, monitoring: MonitoringSettings) -> None:
    """Check that each expectation is about a deployed provider, and can be alarmed on."""
    for name in monitoring.expectations:
        if name not in providers:
            raise SettingsError(
                f"monitoring.expect_every: {name!r} is none of the deployed providers, {', '.join(providers)}"
            )


def check_concurrency(
    api: ApiSettings, functions: FunctionSettings, delivery: DeliverySettings | None, *, inbound: bool
) -> None:
    """Check that the account has the executions that both stacks reserve."""
    direct = api.ingest == "direct"
    reserved = reserved_concurrency(api.throttle_rate, functions, direct=direct) if inbound else {}
    if delivery is not None:
        reserved["delivery"] = delivery.worker_concurrency + delivery.docs_concurrency
    limit = functions.account_concurrency
    if (total := sum(reserved.values())) > limit - UNRESERVED:
        shares = " and ".join(f"{count:,} for {name}" for name, count in reserved.items())
        raise SettingsError(
            f"functions.account_concurrency: {limit:,} is too little for {shares}, {total:,} together, since Lambda "
            f"keeps {UNRESERVED} for functions without a reservation; have the account's limit raised and say so here, "
            "or lower api.throttle_rate or the budgets"
        )


def check_network(network: NetworkSettings) -> None:
    """Check addresses and availability zones of the VPC."""
    try:
        addresses = IPv4Network(network.cidr)
    except ValueError as error:
        raise SettingsError(f"network.cidr: {network.cidr!r} is not an IPv4 network: {error}") from error
    # AWS takes /16 to /28, and a subnet, of which there are two, is /28 at the smallest.
    # https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
    if not (
        16 <= addresses.prefixlen <= 27
        and any(addresses.subnet_of(block) for block in _PRIVATE)
        # Terraform takes no mask for a length.
        and str(addresses) == network.cidr
    ):
        raise SettingsError(f"network.cidr: {network.cidr!r} is not allowed; allowed: private, /16 to /27")
    zones = network.zones
    if not (isinstance(zones, list | tuple) and len(set(zones)) == len(zones) == 2):
        raise SettingsError(f"network.zones: {zones!r} is not allowed; allowed: two different zone letters")
    for zone in zones:
        if not (isinstance(zone, str) and re.fullmatch("[a-z]", zone)):
            raise SettingsError(f"network.zones: {zone!r} is not the letter of an availability zone")


def check_certificates(providers: Providers, network: NetworkSettings) -> None:
    """Check that ingestion reaches the hosts that it fetches certificates from."""
    for name, registered in providers.items():
        if network.vpc and (hosts := REGISTRY[registered].certificate_hosts):
            raise SettingsError(
                f"providers.{name}: its certificate is fetched from {' or '.join(hosts)}, which functions in a VPC "
                "without a way to the internet cannot reach; set network.vpc to false"
            )


def check_reconciliation(reconciled: Collection[str], network: NetworkSettings) -> None:
    """Check that reconciliation reaches the providers' APIs."""
    for name in reconciled if network.vpc else ():
        raise SettingsError(
            f"reconciliation.{name}: the provider's list of events is asked for over the internet, which functions in "
            "a VPC without a way there cannot reach; set network.vpc to false"
        )


def check_reconciled_variable(
    reconciled: Mapping[str, Reconciled], providers: Providers, provider_options: Options, *, environment: str
) -> None:
    """Check that reconciliation's variable with its providers fits; see `reconciled_variable`."""
    secrets = {
        kind: {name: f"webhook-{kind}-{name}-{environment}" for name in providers} for kind in ("secret", "api-key")
    }
    text = json.dumps(
        reconciled_variable(
            reconciled, providers, provider_options, api_keys=secrets["api-key"], secrets=secrets["secret"]
        ),
        separators=(",", ":"),
    )
    subject = f"reconciliation: {len(reconciled)} with their types and options"
    check_room(subject, text, others=_OTHERS_OF_RECONCILIATION)


def check_runtime(providers: Providers, functions: FunctionSettings) -> None:
    """Check that the runtime is the one that compiled code was built for, where a provider needs such code."""
    for name, registered in providers.items():
        if REGISTRY[registered].native and functions.runtime != NATIVE_RUNTIME:
            raise SettingsError(
                f"functions.runtime: {functions.runtime!r} is not allowed with providers.{name}, whose "
                f"signatures need code that is compiled for {NATIVE_RUNTIME}"
            )


def check_delivery(
    delivery: DeliverySettings | None,
    providers: Providers,
    functions: FunctionSettings,
    *,
    inbound: bool,
    provider_options: Options,
) -> None:
    """Check that there is a stack, and what the delivery stack needs of the inbound one."""
    if delivery is None:
        if not inbound:
            raise SettingsError("inbound: False leaves nothing to deploy; allowed: False together with delivery")
        return
    if functions.runtime != NATIVE_RUNTIME:
        raise SettingsError(
            f"functions.runtime: {functions.runtime!r} is not allowed with delivery, whose functions need "
            f"code that is compiled for {NATIVE_RUNTIME}"
        )
    for provider in delivery.subscriptions:
        DEPLOYED.check("delivery.subscriptions", provider)
        if inbound and delivery.bus_name is None and provider not in providers:
            raise SettingsError(
                f"delivery.subscriptions: {provider!r} is none of the deployed providers, {', '.join(providers)}"
            )
        if delivery.by_account(provider) and inbound and delivery.bus_name is None:
            entry = REGISTRY[providers[provider]].configured(provider_options.get(provider, {}))
            if not entry.signs("account"):
                raise SettingsError(
                    f"delivery.subscriptions.{provider}: {entry.title} does not sign which account an event is about, "
                    f"so that a tenant could get those of another one; set provider_options.{provider}.account if the "
                    "secret is that of one account, or name tenants without accounts"
                )
            if delivery.reads_archive and entry.account and entry.body_format.several:
                raise SettingsError(
                    f"delivery.subscriptions.{provider}: a webhook of {entry.title} may have events of several "
                    "accounts, and a tenant would get all of it; set delivery.subscription_payload to 'reference', or "
                    "name tenants without accounts"
                )
    if delivery.subscriptions and delivery.bus_name is None and not inbound:
        raise SettingsError(
            "delivery.bus_name: is missing; without an inbound stack in this environment, delivery.subscriptions needs "
            "the name of the event bus"
        )
    if delivery.reads_archive and delivery.bus_name is not None and delivery.archive_bucket is None:
        raise SettingsError(
            "delivery.archive_bucket: is missing; with delivery.bus_name, delivery.subscription_payload 'original' "
            "needs the name of the archive bucket; allowed without it: 'reference'"
        )
