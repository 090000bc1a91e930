"""Banyan SDK: what a provider touches to put a mini-app in front of a city's residents."""
