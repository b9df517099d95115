"""Use cases that write. Each takes a session and commits itself, at one visible place."""
