"""Who may open the admin pages: accounts with their passwords, and sessions."""
