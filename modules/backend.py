"""Where Terraform keeps its state."""

from modules.cdk import LocalBackend, S3Backend, TerraformStack
from modules.settings import BackendSettings


def configure_backend(stack: TerraformStack, name: str, settings: BackendSettings | None) -> None:
    """Keep the state in S3, with a lock file, or in a local file where no backend is set.

    The lock file needs Terraform 1.10 and no DynamoDB table. CDKTF 0.21 has no typed attribute for it.
    Source: https://developer.hashicorp.com/terraform/language/backend/s3
    """
    if settings is None:
        # Relative to the synthesized stack's folder, so that the state lies beside cdktf.json and outlives cdktf.out.
        LocalBackend(stack, path=f"../../../terraform.{name}.tfstate")
        return
    S3Backend(stack, bucket=settings.bucket, key=settings.key, region=settings.region, encrypt=True)
    stack.add_override("terraform.backend.s3.use_lockfile", True)
    if settings.use_path_style:
        stack.add_override("terraform.backend.s3.use_path_style", True)
