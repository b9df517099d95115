"""Webhooks: which events are told to whom, signed, sent, and sent again until a day is over."""
