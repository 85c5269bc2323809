"""Endpoints: one controller per noun; they translate and ask services."""
