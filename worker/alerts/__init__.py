"""Alerts: what is measured, when it is worth somebody's attention, and who is told how."""
