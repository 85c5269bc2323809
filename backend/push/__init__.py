"""Senders behind the PushSender port."""
