"""A person's rights: to see everything that is kept of him, and to have it removed."""
