"""What every API route shares: keys, answers, whose account, strict bodies, the schema."""
