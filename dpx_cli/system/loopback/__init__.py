"""HTTP servers on the loopback interface: what the webhook listener and the sandbox share.

`server.py` serves connections, `guard.py` refuses what a web page sends, `page.py` is the page of both.
"""
