"""Cleaning: how sales become what is learned from, under a policy that is shown and can be taken back."""
