"""The tables of the drive and their indices."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS enterprises (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS apps (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, secret TEXT NOT NULL, enterprise INTEGER NOT NULL,
    authorized INTEGER NOT NULL,
    scopes TEXT NOT NULL, enterprise_access INTEGER NOT NULL, user_tokens INTEGER NOT NULL, as_user INTEGER NOT NULL,
    service_account INTEGER NOT NULL, key_id TEXT, public_key TEXT);

CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY AUTOINCREMENT, enterprise INTEGER, name TEXT NOT NULL, login TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    role TEXT NOT NULL, status TEXT NOT NULL, space_amount INTEGER NOT NULL, space_used INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL, details TEXT NOT NULL DEFAULT '{}', external_id TEXT);

CREATE TABLE IF NOT EXISTS groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT, enterprise INTEGER NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
    provenance TEXT, external_id TEXT, invitability TEXT NOT NULL, viewability TEXT NOT NULL,
    created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS memberships (
    id INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER NOT NULL, "group" INTEGER NOT NULL, role TEXT NOT NULL,
    created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL, UNIQUE (user, "group"));

CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, kind TEXT NOT NULL, user INTEGER NOT NULL, app TEXT NOT NULL, scopes TEXT,
    resource_type TEXT, resource INTEGER, shared_link TEXT, expires_at REAL NOT NULL, parent TEXT);

CREATE TABLE IF NOT EXISTS assertions (jti TEXT PRIMARY KEY, expires_at REAL NOT NULL);

CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, rank INTEGER NOT NULL, parent INTEGER,
    owner INTEGER NOT NULL,
    name TEXT NOT NULL, name_key TEXT NOT NULL, description TEXT NOT NULL DEFAULT '', etag INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL, content_created_at INTEGER NOT NULL,
    content_modified_at INTEGER NOT NULL, created_by INTEGER NOT NULL, modified_by INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'active', trashed_at INTEGER, purged_at INTEGER, trashed_by INTEGER,
    size INTEGER NOT NULL DEFAULT 0, sha1 TEXT, version INTEGER, version_number INTEGER NOT NULL DEFAULT 1, url TEXT,
    tags TEXT, shared_link TEXT, link_key TEXT, vanity TEXT, lock TEXT, settings TEXT,
    indexed_at REAL NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS items_by_name ON items (parent, status, rank, name_key, id);
CREATE INDEX IF NOT EXISTS items_by_name_down ON items (parent, status, rank, name_key DESC, id DESC);
CREATE INDEX IF NOT EXISTS items_named ON items (parent, status, name_key);
CREATE INDEX IF NOT EXISTS items_by_owner ON items (owner, status);
CREATE INDEX IF NOT EXISTS items_linked ON items (link_key) WHERE link_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS items_trashed ON items (purged_at) WHERE purged_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL,
    sha1 TEXT NOT NULL,
    name TEXT NOT NULL, number INTEGER NOT NULL, created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL,
    modified_by INTEGER NOT NULL, trashed_at INTEGER, trashed_by INTEGER, restored_at INTEGER, restored_by INTEGER);
CREATE INDEX IF NOT EXISTS versions_of_file ON versions (file, id);
CREATE INDEX IF NOT EXISTS versions_of_blob ON versions (blob);

CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, user INTEGER NOT NULL, parent INTEGER, file INTEGER, name TEXT NOT NULL,
    size INTEGER NOT NULL,
    part_size INTEGER NOT NULL, expires_at REAL NOT NULL, state TEXT NOT NULL DEFAULT 'open',
    blob TEXT NOT NULL, result INTEGER);
CREATE TABLE IF NOT EXISTS parts (
    session TEXT NOT NULL, offset INTEGER NOT NULL, size INTEGER NOT NULL, part_id TEXT NOT NULL, sha1 TEXT NOT NULL,
    sha512 TEXT NOT NULL, PRIMARY KEY (session, offset)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS collaborations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, item INTEGER NOT NULL, user INTEGER, "group" INTEGER, role TEXT NOT NULL,
    status TEXT NOT NULL, is_access_only INTEGER NOT NULL, can_view_path INTEGER NOT NULL, expires_at INTEGER,
    invite_email TEXT, created_by INTEGER NOT NULL, created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL,
    acknowledged_at INTEGER);
CREATE INDEX IF NOT EXISTS collaborations_of_item ON collaborations (item);
CREATE INDEX IF NOT EXISTS collaborations_of_user ON collaborations (user);
CREATE INDEX IF NOT EXISTS collaborations_of_group ON collaborations ("group");

CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, type TEXT NOT NULL, user INTEGER NOT NULL,
    item INTEGER,
    created_at INTEGER NOT NULL, source TEXT NOT NULL, path TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event_readers (user INTEGER NOT NULL, event INTEGER NOT NULL, PRIMARY KEY (user,
    event)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS folder_locks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, folder INTEGER NOT NULL, created_by INTEGER NOT NULL,
    created_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS folder_locks_of_folder ON folder_locks (folder);

CREATE TABLE IF NOT EXISTS comments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL, reply_to INTEGER, message TEXT NOT NULL,
    tagged TEXT NOT NULL,
    created_by INTEGER NOT NULL, created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS comments_of_file ON comments (file);

CREATE TABLE IF NOT EXISTS favorites (user INTEGER NOT NULL, item INTEGER NOT NULL, PRIMARY KEY (user,
    item)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recents (
    user INTEGER NOT NULL, item INTEGER NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (user,
    item)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS zips (
    id TEXT PRIMARY KEY, user INTEGER NOT NULL, name TEXT NOT NULL, entries TEXT NOT NULL, expires_at REAL NOT NULL,
    state TEXT NOT NULL, total INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0);
"""

# Where ids begin: as long as Box's, and different for each kind, so that no client mixes them up unnoticed
FIRST_IDS = {
    "enterprises": 900_000_001,
    "users": 21_000_000_001,
    "groups": 31_000_001,
    "memberships": 41_000_001,
    "items": 151_000_000_001,
    "versions": 171_000_000_001,
    "collaborations": 51_000_000_001,
    "comments": 191_001,
    "folder_locks": 12_001,
}
