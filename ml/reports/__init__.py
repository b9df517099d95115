"""Reports that people get as files: what is in them, and how they are written and read back."""
