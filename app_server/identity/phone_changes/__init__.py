"""A resident changes their mobile number, and has a while in which it can be undone."""
