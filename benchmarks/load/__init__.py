"""The intake's load: realistic events, and a client in a process of its own that sends them and keeps time."""
