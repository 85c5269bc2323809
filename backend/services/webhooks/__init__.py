"""Outgoing webhooks: signed messages about what happened here, to servers that asked for them."""
