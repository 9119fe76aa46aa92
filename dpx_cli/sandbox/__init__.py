"""An embedded Deploxa API server. Only `dpx sandbox`, the pytest plugin and the tests import it.

`server.py` is the way in (`with Sandbox() as box`); `app.py` takes a request through guard, faults, token, rate and
route; `projects.py`, `deployments.py`, `env_vars.py` and `orgs.py` answer it as the reference says, out of `store.py`.
"""
