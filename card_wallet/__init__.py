"""Cards that a resident shows and a reader checks: issuing, showing, verifying, and who may read them."""
