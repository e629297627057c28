"""A user's app: the stack with a function and a route of the user's own, where the functions are in a VPC."""

import os
from pathlib import Path

from modules.constructs.lambda_fleet import FleetMember
from modules.constructs.route import Route
from modules.guards.app import App
from modules.inbound.stack import WebhookStack
from modules.settings.environments import load_settings

HERE = Path(__file__).resolve().parent
ORDERS = Route(method="GET", path="/orders/{transactionId}", authorization="AWS_IAM")


class OwnStack(WebhookStack):
    """Answers how many records a transaction has."""

    def __init__(self, scope, id_, settings):
        super().__init__(scope, id_, settings)
        if settings.network.vpc:
            orders = self.add_function(
                FleetMember(name="orders", bundle=HERE / "orders.zip", handler="orders.answer", reserved_concurrency=2)
            )
            orders.configure({"TABLE_NAME": self.storage.table.name})
            self.storage.grant_query_records(orders)
            self.api.route(ORDERS, orders)


if __name__ == "__main__":
    chosen = load_settings(HERE / "cdktf.json", os.environ["ENVIRONMENT_SUFFIX"])
    app = App(outdir=os.environ["CDKTF_OUTDIR"])
    OwnStack(app, f"webhooks-{chosen.environment}", chosen)
    app.synth()
