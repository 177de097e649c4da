"""Inputs that a client should not send, as data, and what runs them."""
