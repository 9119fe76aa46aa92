"""CI workflows that deploy with dpx, as text.

The name of a branch or commit reaches the shell only through the environment, never through the text of the script, so
that no name can run anything. Actions are pinned by commit, because a tag can be moved.
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
  # One deployment of a branch at a time; a running one is not canceled.
  group: deploxa-${{ github.ref }}
  cancel-in-progress: false

jobs:
  deploy:
    runs-on: ubuntu-latest
    timeout-minutes: 20
    outputs:
      url: ${{ steps.deploy.outputs.deployment-url }}
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          persist-credentials: false
      - uses: actions/setup-python@e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0
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
  # One deployment at a time; a running one is not canceled.
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
# If no project is known: the one that is named like the repository.
GITHUB_PROJECT = "${{ github.event.repository.name }}"
GITLAB_PROJECT = "$CI_PROJECT_NAME"


def github(version: str, project: str | None) -> str:
    """Return a workflow for GitHub Actions.

    Args:
        version: the version of dpx, as `pip install` takes it: "0.1.*".
        project: the project to deploy; None for the one that is named like the repository.
    """
    named = GITHUB_PROJECT if project is None else json.dumps(project)
    return GITHUB.replace("@VERSION@", version).replace("@PROJECT@", named)


def gitlab(version: str, project: str | None) -> str:
    """Return a job for GitLab CI. Arguments as for `github`."""
    named = GITLAB_PROJECT if project is None else json.dumps(project)
    return GITLAB.replace("@VERSION@", version).replace("@PROJECT@", named).replace("@DOTENV@", DOTENV)


WORKFLOWS = {"github": github, "gitlab": gitlab}
