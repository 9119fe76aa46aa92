"""The same with httpx, as its documentation shows it."""

import json
import os
import sys

import httpx

with httpx.Client(headers={"Authorization": f"Bearer {os.environ['DPX_TOKEN']}"}) as client:
    items = []
    cursor = None
    while True:
        params = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
        page = client.get(f"{os.environ['DPX_API_URL']}/projects", params=params).json()
        items += page["data"]
        cursor = page["pagination"]["nextCursor"]
        if not cursor:
            break
json.dump(items, sys.stdout)
