"""The way to a mini-app: launches, proxied calls and events, within limits that protect its neighbours."""
