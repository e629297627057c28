"""The one logger, tracer and set of metrics of a function.

No payload, no header and no secret is passed to any of them.
"""

from aws_lambda_powertools import Logger, Metrics, Tracer

NAMESPACE = "Webhooks"

logger = Logger()
tracer = Tracer(auto_patch=False)
metrics = Metrics(namespace=NAMESPACE)
