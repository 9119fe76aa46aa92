"""deploxa.toml: what a project should be, compared with what it is, and made so."""
