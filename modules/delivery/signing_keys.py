"""The secret of the ed25519 signing keys, created empty: no key ever passes through Terraform."""

from modules.constructs.naming import Names
from modules.constructs.pinning import pin
from modules.constructs.webhook_function import WebhookFunction
from modules.settings.checked import checked
from modules.synth.cdk import Construct, SecretsmanagerSecret


@checked
class SigningKeys(Construct):
    """The secret with the keys of asymmetric signatures, which an operator's call fills and rotates.

    Parameters
    ----------
    names : Names
        Naming of the stack.

    Attributes
    ----------
    secret : SecretsmanagerSecret
        The secret.
    """

    def __init__(self, scope: Construct, id_: str, *, names: Names) -> None:
        super().__init__(scope, id_)
        self.secret = pin(
            SecretsmanagerSecret(
                self,
                "secret",
                name=names("signing-keys"),
                description="ed25519 keys that sign webhooks to endpoints that ask for v1a",
                recovery_window_in_days=0,
            ),
            f"{id_}_secret",
        )

    def grant_read(self, function: WebhookFunction) -> None:
        """Allow ``secretsmanager:GetSecretValue`` on the secret."""
        function.allow("ReadSigningKeys", ["secretsmanager:GetSecretValue"], [self.secret.arn])

    def grant_rotate(self, function: WebhookFunction) -> None:
        """Allow ``secretsmanager:GetSecretValue`` and ``secretsmanager:PutSecretValue`` on the secret."""
        function.allow(
            "RotateSigningKeys", ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"], [self.secret.arn]
        )
