"""Calls to AWS without boto3, for ingestion, because the sender waits for it.

Importing boto3 and creating a client takes several times as long as all of ingestion, and so does each call. This
package has what a caller relies on: signatures, connections that are reused, retries, time-outs, credentials that are
renewed, and errors with AWS's codes. It has the three operations that ingestion needs; all other functions use boto3.
``bench/README.md`` has the figures.
"""
