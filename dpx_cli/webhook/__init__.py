"""Webhooks on the desk: signatures, sample events, a listener."""
