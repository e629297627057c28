"""The Lambda functions: one folder each, and ``shared`` for what they have in common.

Nothing below this package imports cdktf, and everything outside the ``handler`` modules runs without AWS.
"""
