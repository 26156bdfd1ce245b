"""The API as others see it: its document, clients made of it, and the guide that shows it."""
