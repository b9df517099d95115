"""The only place where a database session meets the steps of the engine."""
