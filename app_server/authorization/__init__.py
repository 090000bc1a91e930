"""Consent, grants and tokens: what a mini-app may know and do, and for whom."""
