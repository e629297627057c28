"""What a synthesized stack says of itself, for tools that compute from what deploys and not from settings."""

from tools.estimate.synthesized.path import WebhookPath, webhook_path
from tools.estimate.synthesized.stack import NotInStackError, Resource, Stack

__all__ = ["NotInStackError", "Resource", "Stack", "WebhookPath", "webhook_path"]
