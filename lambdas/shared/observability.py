"""The one logger, tracer and set of metrics of a function.

No payload, no header and no secret is passed to any of them. The stack names service and metrics namespace through the
environment, and makes its alarms from the same names.
"""

from aws_lambda_powertools import Logger, Metrics, Tracer

logger = Logger()
tracer = Tracer(auto_patch=False)
metrics = Metrics()
