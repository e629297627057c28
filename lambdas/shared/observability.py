"""The one logger, tracer and set of metrics of a function.

No payload, no header and no secret is passed to any of them. The stack names service and metrics namespace through the
environment, and makes its alarms from the same names.
"""

from aws_lambda_powertools import Logger, Metrics, Tracer

from lambdas.shared.xray import DaemonProvider

# A message is a sentence; Powertools would try to read each as JSON.
logger = Logger(json_deserializer=str)
# Powertools would turn a tracer off outside of Lambda by asking X-Ray's SDK, which is not there; the provider sends
# nothing then by itself.
tracer = Tracer(auto_patch=False, disabled=False, provider=DaemonProvider())
metrics = Metrics()
