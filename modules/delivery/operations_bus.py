"""The operator's event bus, on which operational events of all tenants are."""

from modules.constructs.naming import Names
from modules.constructs.pinning import pin
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.checked import checked
from modules.synth.cdk import CloudwatchEventBus, Construct


@checked
class OperationsBus(Construct):
    """A custom bus without rules: operators attach theirs.

    It has no archive, because the events table knows each event.

    Parameters
    ----------
    names : Names
        Naming of the stack.

    Attributes
    ----------
    bus : CloudwatchEventBus
        The bus.
    """

    def __init__(self, scope: Construct, id_: str, *, names: Names) -> None:
        super().__init__(scope, id_)
        self.bus = pin(CloudwatchEventBus(self, "bus", name=names("operations")), f"{id_}_bus")

    def grant_publish(self, function: WebhookFunction) -> None:
        """Allow ``events:PutEvents`` on the bus."""
        function.allow("PublishOperationalEvents", ["events:PutEvents"], [self.bus.arn])
