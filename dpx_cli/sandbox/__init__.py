"""An embedded Deploxa API server, for `dpx sandbox`, `dpx rehearse`, the pytest plugin and the tests.

`server.py` has `Sandbox`; `app.py` takes a request through guard, faults, token, rate and route; `projects.py`,
`deployments.py`, `env_vars.py` and `orgs.py` answer it as the reference says, from `store.py`.
"""
