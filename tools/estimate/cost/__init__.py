"""What the stack costs, computed from the synthesized stack itself and from what its functions were seen to call."""
