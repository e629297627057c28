"""The delivery stack and the constructs that only it uses."""
