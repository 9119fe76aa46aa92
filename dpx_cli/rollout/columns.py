"""The columns of a deployment, of several, and of what would be deployed."""

from dpx_cli.output.columns import Column
from dpx_cli.output.format import duration_ms, relative, size_kb

DETAILS = (
    Column("Status", "status", status=True),
    Column("Branch", "branch"),
    Column("Build time", "buildDurationMs", show=duration_ms),
    Column("Bundle", "bundleSizeKb", show=size_kb),
    Column("Domain", "deployment_domain", link=True),
    Column("Created", "created_at", show=relative),
    Column("ID", "id"),
)
SEVERAL = (Column("Project", "project"), Column("Exit code", "exitCode"), Column("URL", "url", link=True))
PLANS = (
    Column("Project", "project.name", required=True),
    Column("Branch", "branch.name", required=True),
    Column("Project from", "project.source"),
    Column("Branch from", "branch.source"),
    Column("Commit", "request.commitSha"),
    Column("Message", "request.commitMessage"),
    Column(
        "Under way", "underWay", show=lambda rows: ", ".join(f"{row.get('id')} ({row.get('status')})" for row in rows)
    ),
    Column("Project ID", "project.id"),
    Column("API", "api"),
    Column("Profile", "profile"),
)
