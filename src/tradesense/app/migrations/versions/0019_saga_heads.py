"""Each saga keeps where its own stream ends, so that a step is told on the trail at once."""

SQL = """
-- The last version of `saga:<id>` and the hash that its next entry names. NULL for sagas that
-- began before this: the trail keeps the ends of theirs.
ALTER TABLE saga_instances
  ADD COLUMN told_version bigint CHECK (told_version > 0),
  ADD COLUMN told_link text CHECK (told_link ~ '^[0-9a-f]{64}$'),
  ADD CHECK ((told_version IS NULL) = (told_link IS NULL));

-- A saga that is over is never looked for by these.
DROP INDEX saga_instances_due;
CREATE INDEX saga_instances_due ON saga_instances (due_at)
  WHERE due_at IS NOT NULL AND wake_at IS NULL;
"""
