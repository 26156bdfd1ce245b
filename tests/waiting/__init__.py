"""Builds each state of docs/waiting.md and takes each way out of it, through the real interfaces.

A row of the table without a test fails, and so does a test without a row.
"""
