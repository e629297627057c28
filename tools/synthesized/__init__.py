"""What a synthesized stack says of itself, for tools that compute from what deploys and not from settings."""

from tools.synthesized.path import WebhookPath, webhook_path
from tools.synthesized.stack import NotInStackError, Resource, Stack
from tools.synthesized.synthesis import choose, synthesize

__all__ = ["NotInStackError", "Resource", "Stack", "WebhookPath", "choose", "synthesize", "webhook_path"]
