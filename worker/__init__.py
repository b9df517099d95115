"""Jobs, events, schedules and the processes that run them. Knows nothing of Flask."""
