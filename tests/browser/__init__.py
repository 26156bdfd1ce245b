"""The pages in a real browser. Nothing is rolled back: every test makes accounts of its own."""
