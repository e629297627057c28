"""The logger, the tracer and the metrics of a function.

No payload, header or secret is passed to them. The stack sets service and metrics namespace in the environment, and
its alarms use the same names.
"""

from aws_lambda_powertools import Logger, Metrics, Tracer

from lambdas.shared.xray import DaemonProvider

# A message is a sentence; by default, Powertools tries to read each one as JSON.
logger = Logger(json_deserializer=str)
# Powertools needs X-Ray's SDK to disable the tracer outside of Lambda; this provider sends nothing there.
tracer = Tracer(auto_patch=False, disabled=False, provider=DaemonProvider())
metrics = Metrics()
