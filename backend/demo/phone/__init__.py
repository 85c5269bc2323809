"""The phone page: a small store app in the browser, with a shop server of its own behind it. Simulated, and says so."""
