"""The Lambda functions: one folder each, and ``inbound``, ``delivery`` and ``shared``, which they use.

Nothing below this package imports cdktf, and everything outside the ``handler`` modules runs without AWS.
"""

# Of the whole project: in resource tags, in exported modules, and in the User-Agent of deliveries.
VERSION = "0.1.0"
