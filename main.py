"""The inbound pipeline as one Terraform stack, and the app that synthesizes it.

``python main.py`` and ``cdktf synth`` write it to ``cdktf.out``; the environment is chosen with ``ENVIRONMENT_SUFFIX``.
Importing this module synthesizes nothing.
"""

import os
import sys
from pathlib import Path

from modules.api_layer import REPLAY, STAGE, STATUS, WEBHOOK_BY_HEADER, WEBHOOK_BY_PATH, ApiLayer
from modules.backend import configure_backend
from modules.bundling import BUNDLES
from modules.cdk import App, AwsProvider, Construct, DataAwsCallerIdentity, TerraformOutput, TerraformStack
from modules.environments import load_settings
from modules.event_routing import EventRouting
from modules.lambda_fleet import LambdaFleet
from modules.monitoring import Monitoring
from modules.naming import Names
from modules.queue_layer import QueueLayer
from modules.secrets_layer import SecretsLayer
from modules.settings import Settings
from modules.storage_layer import StorageLayer
from modules.tags import tag_everything, tags_of
from modules.validation import SettingsError

ROOT = Path(__file__).resolve().parent


class WebhookStack(TerraformStack):
    """Receives webhooks, verifies them, archives, records and routes them.

    Parameters
    ----------
    settings : Settings
        All that an environment can choose.
    bundles : Path
        Folder with the functions' bundles.

    Raises
    ------
    SettingsError
        When a setting asks for something that this version does not build.
    """

    def __init__(self, scope: Construct, id_: str, settings: Settings, bundles: Path = BUNDLES) -> None:
        super().__init__(scope, id_)
        _refuse_unbuilt(settings)
        names = Names(settings.environment)
        AwsProvider(self, "aws", region=settings.region)
        configure_backend(self, id_, settings.backend)
        account_id = DataAwsCallerIdentity(self, "account").account_id

        self.storage = StorageLayer(self, "storage", settings=settings.storage, names=names, account_id=account_id)
        self.queues = QueueLayer(self, "queues", settings=settings.queue, names=names)
        self.secrets = SecretsLayer(self, "secrets", providers=settings.providers, names=names)
        self.routing = EventRouting(
            self, "routing", settings=settings.routing, names=names, providers=settings.providers
        )
        self.fleet = LambdaFleet(
            self, "fleet", settings=settings.functions, names=names, account_id=account_id, bundles=bundles
        )
        self.api = ApiLayer(
            self, "api", settings=settings.api, names=names, log_retention=settings.functions.log_retention
        )
        self.monitoring = Monitoring(
            self,
            "monitoring",
            settings=settings.monitoring,
            names=names,
            account_id=account_id,
            region=settings.region,
        )
        self._wire_ingestion(settings)
        self._wire_processing(settings)
        self._wire_operations()
        self._watch()
        self._publish_outputs()
        tag_everything(self, tags_of(settings))

    def _wire_ingestion(self, settings: Settings) -> None:
        ingestion = self.fleet.ingestion
        ingestion.configure(
            {
                "PROVIDERS": self.secrets.providers_variable(),
                "QUEUE_URL": self.queues.main.url,
                "BUCKET_NAME": self.storage.bucket.bucket,
                "MAX_BODY_BYTES": str(settings.api.max_body_bytes),
            }
        )
        self.secrets.grant_read(ingestion)
        self.queues.grant_send(ingestion)
        self.storage.grant_archive_payloads(ingestion)
        self.api.route(WEBHOOK_BY_PATH, ingestion)
        self.api.route(WEBHOOK_BY_HEADER, ingestion)

    def _wire_processing(self, settings: Settings) -> None:
        processing, dead_letter = self.fleet.processing, self.fleet.dead_letter
        processing.configure(
            {
                "TABLE_NAME": self.storage.table.name,
                "BUCKET_NAME": self.storage.bucket.bucket,
                "EVENT_BUS_NAME": self.routing.bus.name,
            }
        )
        self.storage.grant_archive_payloads(processing)
        self.storage.grant_write_records(processing)
        self.routing.grant_publish(processing)
        self.queues.feed(processing, maximum_concurrency=settings.functions.processing_reserved_concurrency)

        dead_letter.configure({"TABLE_NAME": self.storage.table.name, "BUCKET_NAME": self.storage.bucket.bucket})
        self.storage.grant_keep_dead_letters(dead_letter)
        self.storage.grant_mark_records(dead_letter)
        self.queues.feed_dead_letters(dead_letter)

    def _wire_operations(self) -> None:
        status, replay = self.fleet.status, self.fleet.replay
        status.configure({"TABLE_NAME": self.storage.table.name})
        self.storage.grant_query_records(status)
        self.api.route(STATUS, status)

        replay.configure(
            {
                "TABLE_NAME": self.storage.table.name,
                "BUCKET_NAME": self.storage.bucket.bucket,
                "QUEUE_URL": self.queues.main.url,
            }
        )
        self.storage.grant_find_records(replay)
        self.storage.grant_read_dead_letters(replay)
        self.queues.grant_send(replay)
        self.api.route(REPLAY, replay)
        self.api.deploy()

    def _watch(self) -> None:
        watch = self.monitoring
        for function in self.fleet.functions.values():
            watch.watch_function(function)
        watch.watch_queue(self.queues.main.name)
        watch.watch_dead_letter_queue(self.queues.dead_letter.name)
        watch.watch_api(self.api.api.name, STAGE)
        watch.watch_event(
            "dead-lettered",
            "an event was given up and waits for a replay",
            metric="DeadLettered",
            function=self.fleet.dead_letter,
        )
        watch.watch_event(
            "processing-failures",
            "messages fail in processing; each is tried again until its last receive",
            metric="ProcessingFailures",
            function=self.fleet.processing,
        )
        watch.watch_event(
            "refused-503",
            "webhooks are refused because they cannot be checked or kept: a secret is missing, or AWS does not answer",
            metric="Refused503",
            function=self.fleet.ingestion,
        )
        watch.watch_event(
            "conflicting-duplicates",
            "an event id came again with another payload: compare the two, the second was archived but not routed",
            metric="ConflictingDuplicates",
            function=self.fleet.processing,
        )
        watch.watch_event(
            "refused-400",
            "webhooks with a right signature are refused because they cannot be read; the sender may give up",
            metric="Refused400",
            function=self.fleet.ingestion,
        )
        watch.watch_event(
            "refused-413",
            "webhooks are refused because they are larger than api.max_body_bytes",
            metric="Refused413",
            function=self.fleet.ingestion,
        )
        watch.watch_event(
            "refused-signatures",
            "many signatures are refused: a secret was rotated on one side only, or somebody forges",
            metric="Refused401",
            function=self.fleet.ingestion,
            threshold=20,
        )
        watch.build_dashboard()

    def _publish_outputs(self) -> None:
        outputs = {
            "endpoint_url": (self.api.stage.invoke_url, "Base URL of the API; webhooks go to /webhook/{provider}"),
            "table_name": (self.storage.table.name, "Table of the records"),
            "bucket_name": (self.storage.bucket.bucket, "Bucket of the archived payloads"),
            "queue_url": (self.queues.main.url, "URL of the main queue"),
            "dead_letter_queue_url": (self.queues.dead_letter.url, "URL of the dead letter queue"),
            "bus_arn": (self.routing.bus.arn, "ARN of the event bus"),
            "alarm_topic_arn": (self.monitoring.topic.arn, "ARN of the topic that the alarms notify"),
            "operator_policy_json": (
                self.api.operator_policy().json,
                "IAM policy for operators: it lets people or roles call the status and replay endpoints",
            ),
            "secret_arns": (
                {name: secret.arn for name, secret in self.secrets.secrets.items()},
                "ARNs of the signing secrets, to be filled after the first deployment",
            ),
        }
        for name, (value, description) in outputs.items():
            TerraformOutput(self, name, value=value, description=description)


def _refuse_unbuilt(settings: Settings) -> None:
    for asked, name in (
        (settings.queue.fifo, "queue.fifo"),
        (settings.network.vpc, "network.vpc"),
        (settings.api.api_key, "api.api_key"),
    ):
        if asked:
            raise SettingsError(
                f"{name}: true (preset {settings.preset!r}) is not built by this version; it would be ignored"
            )


def build_app(environment: str, outdir: Path | None = None) -> App:
    """Return the app with the stack of one environment, ready to synthesize.

    Raises
    ------
    SettingsError
        When a setting is wrong.
    FileNotFoundError
        When the bundles have not been built.
    """
    settings = load_settings(ROOT / "cdktf.json", environment)
    app = App(outdir=str(outdir or os.environ.get("CDKTF_OUTDIR") or ROOT / "cdktf.out"))
    WebhookStack(app, f"webhooks-{settings.environment}", settings)
    return app


if __name__ == "__main__":
    try:
        build_app(os.environ.get("ENVIRONMENT_SUFFIX", "dev")).synth()
    except (SettingsError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")
