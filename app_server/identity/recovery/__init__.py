"""Getting back in with nothing left: two officers at a counter, and a day in which the owner can say no."""
