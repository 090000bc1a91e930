"""Migrations of the notices' tables."""
