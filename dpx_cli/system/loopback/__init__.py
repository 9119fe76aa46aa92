"""HTTP servers on the loopback interface: what the webhook listener and the sandbox share.

`server.py` serves connections, `request.py` is one request, and refuses what a web page sends; `page.py` is the page.
"""
