"""What more than one function needs: providers, signatures, the message envelope, and data access."""
