"""Proves the books: each rule is one SQL query that returns the rows breaking it."""
