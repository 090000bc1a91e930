"""Residents, sign-in and sessions."""
