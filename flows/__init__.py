"""Flows: what runs in which order. One file a story."""
