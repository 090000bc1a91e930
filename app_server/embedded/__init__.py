"""Programs that Banyan runs as its own children: found, started, stopped."""
