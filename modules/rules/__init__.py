"""The rules that a stack must keep, each written once: it says whether it runs at synth, on a plan, or on both."""
