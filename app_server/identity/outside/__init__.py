"""Verifying a resident's real name by an outside OpenID Provider: our side as a relying party."""
