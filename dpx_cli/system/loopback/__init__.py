"""HTTP servers on the loopback interface: what the webhook listener and the sandbox share.

`server.py` runs uvicorn, `exchange.py` reads one request and answers it, and refuses what a web page sends.
"""
