"""CI workflows that deploy with dpx, as text.

The name of a branch or commit reaches the shell only through the environment, never through the text of the script, so
that no name can run anything. Actions are pinned by commit, because a tag can be moved.
"""

from __future__ import annotations

import json

GITHUB = """\
# Deploys every push to main to Deploxa. Printed by: dpx ci print-workflow github
# Save it as .github/workflows/deploy.yml and add the secret DPX_TOKEN: Settings > Secrets and variables > Actions.
name: Deploy to Deploxa

on:
  push:
    branches: [main]
  workflow_dispatch:@INPUTS@

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
      @OUTPUT@
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          persist-credentials: false@DEPTH@
      - uses: actions/setup-python@e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0
        with:
          python-version: "3.13"
      - name: Install dpx
        run: python -m pip install --quiet "dpx-cli==@VERSION@"
      - name: Deploy
        id: deploy
        env:
          DPX_TOKEN: ${{ secrets.DPX_TOKEN }}
          @DEPLOY@
"""

GITLAB = """\
# Deploys every push to the default branch to Deploxa. Printed by: dpx ci print-workflow gitlab
# Put it into .gitlab-ci.yml and add the masked variable DPX_TOKEN: Settings > CI/CD > Variables.
deploxa:
  stage: deploy
  image: @IMAGE@
  rules:
    - if: $CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  # One deployment at a time; a running one is not canceled.
  resource_group: deploxa
  interruptible: false
  timeout: 20 minutes
  variables:
    @VARIABLE@
  script:
    - python -m pip install --quiet "dpx-cli==@VERSION@"
    @DEPLOY@
  artifacts:
    when: always
    reports:
      # DEPLOYMENT_ID, DEPLOYMENT_STATUS, DEPLOYMENT_URL and DURATION_SECONDS for later jobs.
      dotenv: @DOTENV@
"""

DOTENV = "dpx.env"  # where `--ci-output gitlab` writes: `report.GITLAB_FILE`, and a test compares them
# If no project is known: the one that is named like the repository.
GITHUB_PROJECT = "${{ github.event.repository.name }}"
GITLAB_PROJECT = "$CI_PROJECT_NAME"

# What stands for the placeholders: with one project, and with those of a monorepo that a push changed.
GITHUB_ONE = {
    "@INPUTS@": "",
    "@OUTPUT@": "url: ${{ steps.deploy.outputs.deployment-url }}",
    "@DEPTH@": "",
    "@DEPLOY@": """\
DPX_PROJECT: @PROJECT@
        run: dpx deploy --project "$DPX_PROJECT" --branch "$GITHUB_REF_NAME" --timeout 15m""",
}
GITHUB_CHANGED = {
    "@INPUTS@": """
    inputs:
      base:
        description: Deploy the projects that changed since this commit
        default: HEAD^""",
    "@OUTPUT@": "deployments: ${{ steps.deploy.outputs.deployments }}",
    "@DEPTH@": """
          fetch-depth: 0""",
    "@DEPLOY@": """\
BASE: ${{ inputs.base || github.event.before }}
        run: |
          # A new branch has no commit before the push, and a forced push removes it.
          git cat-file -e "$BASE^{commit}" 2>/dev/null || BASE=HEAD^
          dpx deploy --changed "$BASE" --branch "$GITHUB_REF_NAME" --timeout 15m""",
}
GITLAB_ONE = {
    "@IMAGE@": "python:3.13-slim",
    "@VARIABLE@": "DPX_PROJECT: @PROJECT@",
    "@DEPLOY@": """\
- dpx deploy --project "$DPX_PROJECT" --branch "$CI_COMMIT_REF_NAME" --timeout 15m --ci-output gitlab""",
}
GITLAB_CHANGED = {
    "@IMAGE@": "python:3.13  # the slim one has no git",
    "@VARIABLE@": 'GIT_DEPTH: "0"',
    "@DEPLOY@": """\
- |
      # A new branch has no commit before the push, and a forced push removes it.
      BASE="$CI_COMMIT_BEFORE_SHA"
      git cat-file -e "$BASE^{commit}" 2>/dev/null || BASE=HEAD^
      dpx deploy --changed "$BASE" --branch "$CI_COMMIT_REF_NAME" --timeout 15m --ci-output gitlab""",
}


def github(version: str, project: str | None, *, changed: bool = False) -> str:
    """Return a workflow for GitHub Actions.

    Args:
        version: the version of dpx, as `pip install` takes it: "0.1.*".
        project: the project to deploy; None for the one that is named like the repository.
        changed: whether to deploy the projects of a monorepo that a push changed, instead of one.
    """
    return _filled(GITHUB, GITHUB_CHANGED if changed else GITHUB_ONE, version, project or GITHUB_PROJECT)


def gitlab(version: str, project: str | None, *, changed: bool = False) -> str:
    """Return a job for GitLab CI. Arguments as for `github`."""
    return _filled(GITLAB, GITLAB_CHANGED if changed else GITLAB_ONE, version, project or GITLAB_PROJECT)


def _filled(text: str, parts: dict[str, str], version: str, project: str) -> str:
    for placeholder, part in parts.items():
        text = text.replace(placeholder, part)
    # A project's name may consist of digits, which YAML would take for a number.
    named = project if project.startswith("$") else json.dumps(project)
    return text.replace("@VERSION@", version).replace("@PROJECT@", named).replace("@DOTENV@", DOTENV)


WORKFLOWS = {"github": github, "gitlab": gitlab}
