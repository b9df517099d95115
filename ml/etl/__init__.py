"""Sales on their way in: read, mapped, checked, loaded, aggregated."""
