"""The sides of the metering benchmark, each a process of its own on a database of its own."""
