"""What the sandbox keeps: one SQLite file, a clock, keys, and events until they are delivered."""
