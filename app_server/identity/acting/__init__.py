"""Acting for another: mandates between residents, and the sessions that are opened under them."""
