"""The trail: entries, their leaves, the signed checkpoints, and who may touch them."""

SQL = """
-- What has happened. `epoch` and `xid` say which transaction of which life of the server wrote
-- it: the sealer finds by them what has become visible since its last snapshot.
CREATE TABLE trail_entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epoch integer NOT NULL DEFAULT 1,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    stream text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    kind text COLLATE "C" NOT NULL,
    canonical bytea NOT NULL CHECK (length(canonical) BETWEEN 2 AND 1048576),
    UNIQUE (stream, version)
);
CREATE INDEX trail_entries_unsealed ON trail_entries (epoch, xid, id);

-- Where each stream ends: the lock that recorders take, and the version they count on from.
CREATE TABLE trail_streams (
    stream text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL CHECK (version > 0)
) WITH (fillfactor = 80);

-- Position n is leaf n - 1 of an RFC 6962 tree.
CREATE TABLE trail_leaves (
    position bigint PRIMARY KEY CHECK (position > 0),
    entry_id bigint NOT NULL UNIQUE,
    hash bytea NOT NULL CHECK (length(hash) = 32)
);

-- Roots of full subtrees of 256, 65536, ... leaves (height 8, 16, ...): proofs stay cheap.
CREATE TABLE trail_nodes (
    height smallint NOT NULL,
    index bigint NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (height, index)
);

-- One per sealed batch: a C2SP signed note over the tree of the first `size` leaves, and the
-- snapshot up to which that batch is complete.
CREATE TABLE trail_checkpoints (
    size bigint PRIMARY KEY CHECK (size > 0),
    epoch integer NOT NULL,
    note text NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The lives of this trail: which server may seal which epoch, under which name.
CREATE TABLE trail_epochs (
    epoch integer PRIMARY KEY,
    system_identifier bigint NOT NULL,
    origin text NOT NULL UNIQUE,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What the sealer knows; one row. Everything visible in `snapshot` is sealed. While a backlog is
-- sealed in slices, `target` is the snapshot it works towards, `after_id` how far it came, and
-- `until_id` the last id of the backlog.
CREATE TABLE trail_sealer (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch integer NOT NULL,
    size bigint NOT NULL,
    snapshot pg_snapshot NOT NULL,
    target pg_snapshot,
    after_id bigint NOT NULL DEFAULT 0,
    until_id bigint NOT NULL DEFAULT 0,
    frontier bytea[] NOT NULL
);

CREATE FUNCTION trail_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;

-- Nobody changes what was sealed, not even a replica's apply process or `session_replication_role`.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail_entries
    FOR EACH STATEMENT EXECUTE FUNCTION trail_refuse();
ALTER TABLE trail_entries ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail_leaves
    FOR EACH STATEMENT EXECUTE FUNCTION trail_refuse();
ALTER TABLE trail_leaves ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail_nodes
    FOR EACH STATEMENT EXECUTE FUNCTION trail_refuse();
ALTER TABLE trail_nodes ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION trail_refuse();
ALTER TABLE trail_checkpoints ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail_epochs
    FOR EACH STATEMENT EXECUTE FUNCTION trail_refuse();
ALTER TABLE trail_epochs ENABLE ALWAYS TRIGGER append_only;

-- The recorder chooses neither id nor xid nor epoch: whoever could, could hide an entry.
GRANT SELECT ON trail_entries, trail_streams, trail_leaves, trail_nodes, trail_checkpoints,
    trail_epochs, trail_sealer TO tradesense_app, tradesense_sealer, tradesense_reader;
GRANT INSERT (stream, version, kind, canonical) ON trail_entries TO tradesense_app;
GRANT INSERT, UPDATE ON trail_streams TO tradesense_app;
GRANT INSERT ON trail_leaves, trail_nodes, trail_epochs TO tradesense_sealer;
GRANT INSERT (size, epoch, note) ON trail_checkpoints TO tradesense_sealer;
GRANT INSERT, UPDATE ON trail_sealer TO tradesense_sealer;
"""
