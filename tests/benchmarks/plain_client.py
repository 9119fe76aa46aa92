"""The least that lists projects with the standard library: what `dpx projects list --json` is held against."""

import http.client
import json
import os
import sys
from urllib.parse import urlsplit

url = urlsplit(os.environ["DPX_API_URL"])
connection = http.client.HTTPConnection(url.hostname or "", url.port)
headers = {"Authorization": f"Bearer {os.environ['DPX_TOKEN']}"}
items = []
cursor = ""
while True:
    connection.request("GET", f"{url.path}/projects?limit=100{cursor}", headers=headers)
    page = json.load(connection.getresponse())
    items += page["data"]
    if not page["pagination"]["hasMore"]:
        break
    cursor = f"&cursor={page['pagination']['nextCursor']}"
json.dump(items, sys.stdout)
