"""Facts: what happened and what is true of whom. Pure."""
