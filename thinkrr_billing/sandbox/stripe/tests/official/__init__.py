"""Holds what the sandbox says against the official types of the pinned API version.

`definitions` reads the classes of the installed SDK, `presence` adds which of their optional fields
are always there, `checking` compares one JSON value with them, `words` has errors and events, and
`witness` is the sandbox process that checks everything it sends.
"""
