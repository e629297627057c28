"""Calls to AWS without boto3, for the function that a sender waits for: signed, over one connection that is kept.

Importing boto3 and making a client costs several times what all of ingestion does, and so does each call. What is
here instead keeps what a caller relies on: retries, time-outs, credentials that are renewed, and errors with AWS's
codes. It knows the three operations that ingestion needs; every other function uses boto3. ``bench/README.md`` has the
figures.
"""
