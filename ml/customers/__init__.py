"""What customers will do next."""
