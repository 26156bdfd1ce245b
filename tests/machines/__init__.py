"""Empty machines, and what docs/ says typed into them: `make machines`."""
