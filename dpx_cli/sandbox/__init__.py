"""An embedded Deploxa API server, for `dpx sandbox`, `dpx rehearse`, the pytest plugin and the tests.

`server.py` has `Sandbox`; `app.py` takes a request through guard, body, faults, route, token and rate; `projects.py`,
`deployments.py`, `env_vars.py` and `orgs.py` respond as the reference says, from `store.py`.
"""
