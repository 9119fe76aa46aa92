-- The sandbox's state. A `document` is the API's own object, without what other columns and the clock tell.
CREATE TABLE meta (secret BLOB NOT NULL);
CREATE TABLE users (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, email TEXT NOT NULL UNIQUE);
CREATE TABLE orgs (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, slug TEXT NOT NULL UNIQUE);
CREATE TABLE members (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
  org INTEGER NOT NULL REFERENCES orgs, user INTEGER NOT NULL REFERENCES users, role TEXT NOT NULL, UNIQUE (org, user)
);
CREATE INDEX members_of_user ON members (user, org);
-- A project belongs to an organization, or (org is null) to the person who created it.
CREATE TABLE projects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  org INTEGER REFERENCES orgs, owner INTEGER NOT NULL REFERENCES users, slug TEXT NOT NULL, document TEXT NOT NULL,
  newest INTEGER REFERENCES deployments DEFERRABLE INITIALLY DEFERRED
);
CREATE UNIQUE INDEX project_slugs ON projects (coalesce(org, -owner), slug);
CREATE INDEX projects_of_org ON projects (org, seq);
CREATE INDEX projects_by_slug ON projects (slug);
CREATE INDEX projects_newest ON projects (newest);
CREATE TABLE deployments (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE, document TEXT NOT NULL,
  outcome TEXT NOT NULL, created_at REAL NOT NULL, building_at REAL NOT NULL, ended_at REAL NOT NULL
);
CREATE INDEX deployments_of_project ON deployments (project, seq);
CREATE INDEX deployments_by_end ON deployments (ended_at);
CREATE TABLE env_vars (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  key TEXT NOT NULL, document TEXT NOT NULL, salt BLOB NOT NULL, digest BLOB NOT NULL, UNIQUE (project, key)
);
CREATE INDEX env_vars_of_project ON env_vars (project, seq);
