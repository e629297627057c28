"""The functions of delivery."""

from pathlib import Path
from typing import Annotated

from modules.constructs.bundling import bundle_of
from modules.constructs.lambda_fleet import Fleet, FleetMember
from modules.constructs.naming import Names
from modules.constructs.schedule import MINUTE
from modules.constructs.webhook_function import FunctionSize, WebhookFunction
from modules.settings.checked import checked
from modules.settings.delivery import DeliverySettings
from modules.settings.formats import ACCOUNT_ID
from modules.settings.sections import FunctionSettings
from modules.synth.cdk import Construct


@checked
class DeliveryFleet(Fleet):
    """All functions of the delivery stack.

    Parameters
    ----------
    settings : FunctionSettings
        Runtime and logs, as for the inbound stack.
    delivery : DeliverySettings
        Sizes, and whether there is a receiver.
    names : Names
        Naming of the stack.
    account_id : str
        The account, which alone may have Lambda assume the roles.
    bundles : Path
        Folder with the bundles that ``make bundle`` built.

    Attributes
    ----------
    worker, sweeper, authorizer, api, operator, docs : WebhookFunction
        The functions.
    receiver : WebhookFunction | None
        The receiver, where the settings ask for it.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: FunctionSettings,
        delivery: DeliverySettings,
        names: Names,
        account_id: Annotated[str, ACCOUNT_ID],
        bundles: Path,
    ) -> None:
        behind_api = FunctionSize(memory=delivery.memory, timeout=delivery.timeout)
        names_of_api = ["authorizer", "api", "operator", "docs", *(["receiver"] if delivery.receiver else [])]

        def member(name: str, size: FunctionSize, reserved: int | None = None) -> FleetMember:
            folder = f"delivery_{name}"
            return FleetMember(
                name=name,
                bundle=bundle_of(bundles, folder),
                handler=f"lambdas.{folder}.handler.handler",
                reserved_concurrency=reserved,
                size=size,
            )

        # API Gateway throttles each method by itself, so that many visitors of the documents take no requests from the
        # other routes; the reservation keeps them from taking the account's executions.
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
        reserved = {"docs": delivery.docs_concurrency}
        super().__init__(
            scope,
            id_,
            members=[
                member(
                    "worker",
                    FunctionSize(memory=delivery.worker_memory, timeout=delivery.worker_timeout),
                    delivery.worker_concurrency,
                ),
                # A sweep ends before the next one begins.
                member("sweeper", FunctionSize(memory=delivery.worker_memory, timeout=MINUTE)),
                *(member(each, behind_api, reserved.get(each)) for each in names_of_api),
            ],
            settings=settings,
            names=names,
            account_id=account_id,
        )
        self.worker = self.functions["worker"]
        self.sweeper = self.functions["sweeper"]
        self.authorizer = self.functions["authorizer"]
        self.api = self.functions["api"]
        self.operator = self.functions["operator"]
        self.docs = self.functions["docs"]
        self.receiver: WebhookFunction | None = self.functions.get("receiver")
