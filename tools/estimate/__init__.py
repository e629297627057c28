"""What a stack costs and how it behaves under load, estimated from its synthesized JSON."""
