"""`make stripe-check`: plays the same steps against a fresh sandbox and against what
STRIPE_SECRET_KEY (test mode) and STRIPE_API_BASE name, and says where the answers differ.

`__main__` runs it; `target` reads whom to ask; `steps` has what is played; `recording` keeps what
came back, `facts` makes it comparable, `comparing` compares, `telling` writes the table.
"""
