"""Which mini-apps exist: providers, listings, their releases, and the states a listing passes through."""
