"""What to order, when, and what it costs to be wrong."""
