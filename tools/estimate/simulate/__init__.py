"""A discrete-event model of the deployed pipeline under load, fed from the synthesized stack."""
