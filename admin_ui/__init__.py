"""Pages: what the marketer opens every morning."""
