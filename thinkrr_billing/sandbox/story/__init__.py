"""`make demo`: plays the public guide's story in the terminal, against the real parts.

Web, worker, beat, PostgreSQL and the Stripe sandbox run as in `make run`, on ports and in a
folder of their own that are gone afterwards. People click through pages, the voice platform and
programs use the HTTP API. Every step checks its figures; the first wrong one ends the story.
"""
