"""A stack of one's own that holds one layer: the table of records and the archive of payloads."""

from aws_webhooks.modules.constructs.naming import Names
from aws_webhooks.modules.inbound.storage_layer import StorageLayer
from aws_webhooks.modules.settings.sections import StorageSettings
from cdktf import App, TerraformOutput, TerraformStack
from cdktf_cdktf_provider_aws.data_aws_caller_identity import DataAwsCallerIdentity
from cdktf_cdktf_provider_aws.provider import AwsProvider
from cdktf_cdktf_provider_aws.ssm_parameter import SsmParameter
from constructs import Construct


class Ledger(TerraformStack):
    """A ledger that keeps what it was sent as webhooks do."""

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        AwsProvider(self, "aws", region="eu-central-1")
        storage = StorageLayer(
            self,
            "storage",
            settings=StorageSettings(glacier_after=90),
            names=Names("prod", prefix="ledger"),
            account_id=DataAwsCallerIdentity(self, "account").account_id,
        )
        SsmParameter(self, "archive", name="/ledger/archive", type="String", value=storage.bucket.bucket)
        TerraformOutput(self, "table_name", value=storage.table.name)


if __name__ == "__main__":
    app = App()
    Ledger(app, "ledger")
    app.synth()
