"""Webhooks on this machine: signatures, sample events, a listener, and a check of receivers."""
