"""An app whose stack has a function and a route of its own."""

import os
from pathlib import Path

from aws_webhooks.modules.constructs.lambda_fleet import FleetMember
from aws_webhooks.modules.constructs.route import Route
from aws_webhooks.modules.guards.app import App
from aws_webhooks.modules.inbound.stack import WebhookStack
from aws_webhooks.modules.settings.environments import load_declared
from aws_webhooks.modules.settings.model import Settings
from constructs import Construct

HERE = Path(__file__).resolve().parent


class OrdersStack(WebhookStack):
    """A webhook stack that also answers ``GET /orders/{id}``."""

    def __init__(self, scope: Construct, id_: str, settings: Settings) -> None:
        super().__init__(scope, id_, settings)
        orders = self.add_function(FleetMember(name="orders", bundle=HERE / "orders.zip", handler="orders.handler"))
        orders.configure({"TABLE_NAME": self.storage.table.name})
        self.storage.grant_query_records(orders)
        self.api.route(Route(method="GET", path="/orders/{id}", authorization="AWS_IAM"), orders)


if __name__ == "__main__":
    environment = os.environ.get("ENVIRONMENT_SUFFIX", "dev")
    app = App()
    OrdersStack(app, f"webhooks-{environment}", load_declared(HERE / "cdktf.json", environment))
    app.synth()
