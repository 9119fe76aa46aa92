"""CI workflows that deploy with dpx, as text. Pure: given a version and a project, gives YAML.

Floor 1, for `commands/ci.py`; imports nothing of dpx. What a branch or a commit is called
reaches the shell through the environment only, never through the text of the script, so that no name can run anything.
"""

from __future__ import annotations

import json

GITHUB = """\
# Deploys every push to main to Deploxa. Printed by: dpx ci print-workflow github
# Save it as .github/workflows/deploxa.yml and add the secret DPX_TOKEN: Settings > Secrets and variables > Actions.
name: Deploy to Deploxa

on:
  push:
    branches: [main]
  workflow_dispatch:

permissions:
  contents: read

concurrency:
  # One deployment of a branch at a time; one that runs is not cut off.
  group: deploxa-${{ github.ref }}
  cancel-in-progress: false

jobs:
  deploy:
    runs-on: ubuntu-latest
    timeout-minutes: 20
    outputs:
      url: ${{ steps.deploy.outputs.deployment-url }}
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.13"
      - name: Install dpx
        run: python -m pip install --quiet "dpx-cli==@VERSION@"
      - name: Deploy
        id: deploy
        env:
          DPX_TOKEN: ${{ secrets.DPX_TOKEN }}
          DPX_PROJECT: @PROJECT@
        run: dpx deploy --project "$DPX_PROJECT" --branch "$GITHUB_REF_NAME" --timeout 15m
"""

GITLAB = """\
# Deploys every push to the default branch to Deploxa. Printed by: dpx ci print-workflow gitlab
# Put it into .gitlab-ci.yml and add the masked variable DPX_TOKEN: Settings > CI/CD > Variables.
deploxa:
  stage: deploy
  image: python:3.13-slim
  rules:
    - if: $CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  # One deployment at a time; one that runs is not cut off.
  resource_group: deploxa
  interruptible: false
  timeout: 20 minutes
  variables:
    DPX_PROJECT: @PROJECT@
  script:
    - python -m pip install --quiet "dpx-cli==@VERSION@"
    - dpx deploy --project "$DPX_PROJECT" --branch "$CI_COMMIT_REF_NAME" --timeout 15m --ci-output gitlab
  artifacts:
    when: always
    reports:
      # DEPLOYMENT_ID, DEPLOYMENT_STATUS, DEPLOYMENT_URL and DURATION_SECONDS for later jobs.
      dotenv: @DOTENV@
"""

DOTENV = "dpx.env"  # where `--ci-output gitlab` writes: `ci.GITLAB_FILE`, and a test compares them
# Where no project is known: the one that is called as the repository is.
GITHUB_PROJECT = "${{ github.event.repository.name }}"
GITLAB_PROJECT = "$CI_PROJECT_NAME"


def github(version: str, project: str | None) -> str:
    """A workflow for GitHub Actions.

    Args:
        version: of dpx, as `pip install` takes it: "0.1.*".
        project: what to deploy; None for the project that is called as the repository is.
    """
    named = GITHUB_PROJECT if project is None else json.dumps(project)
    return GITHUB.replace("@VERSION@", version).replace("@PROJECT@", named)


def gitlab(version: str, project: str | None) -> str:
    """A job for GitLab CI; arguments as of `github`."""
    named = GITLAB_PROJECT if project is None else json.dumps(project)
    return GITLAB.replace("@VERSION@", version).replace("@PROJECT@", named).replace("@DOTENV@", DOTENV)


WORKFLOWS = {"github": github, "gitlab": gitlab}
