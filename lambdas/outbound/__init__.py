"""What the functions of outbound delivery share: the model, its tables and messages, and the rules of delivering."""
