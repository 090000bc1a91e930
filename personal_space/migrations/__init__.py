"""Migrations of the personal space's tables."""
