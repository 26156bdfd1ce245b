"""What a running process needs and no rule is about: nudges, the cache, addresses, ids."""
