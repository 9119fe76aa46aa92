"""The API reference's Python sample, served by uvicorn; prints its port."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import socket
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

WEBHOOK_SECRET = os.environ["WEBHOOK_SECRET"]


def verify_signature(raw_body: bytes, secret: str, signature: str) -> bool:
    """Return whether the signature matches, as the reference does."""
    expected = "sha256=" + hmac.new(secret.encode(), raw_body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, signature)


async def webhook(request: Request) -> JSONResponse:
    """Handle a delivery, as the reference does."""
    raw = await request.body()
    sig = request.headers.get("x-deploxa-signature", "")
    if not verify_signature(raw, WEBHOOK_SECRET, sig):
        raise HTTPException(status_code=401, detail="Invalid signature")
    json.loads(raw)
    return JSONResponse({"ok": True})


if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    app = Starlette(routes=[Route("/webhook", webhook, methods=["POST"])])
    uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off")).run(sockets=[listening])
