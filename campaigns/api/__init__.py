"""The API about calls and campaigns."""
