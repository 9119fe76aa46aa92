"""An embedded Deploxa API server. Only `dpx sandbox`, the pytest plugin and the tests import it."""
