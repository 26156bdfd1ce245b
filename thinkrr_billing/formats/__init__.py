"""How the admin writes moments; pages of customers write them in the account's time zone."""
