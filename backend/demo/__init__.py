"""The simulated shop, its phone page, and the supervisor of `joren demo`."""
