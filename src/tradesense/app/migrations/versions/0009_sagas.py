"""Stories in steps, and what each consumer has made of the trail."""

SQL = """
-- `wake_at` is in database time: when the instance may move by itself. A claim for a call to the
-- outside pushes it ahead, so that a killed worker's call is taken over when it passes; `token`
-- tells the claims apart. `due_at` is in the platform's time: the deadline of a wait.
CREATE TABLE saga_instances (
  id           uuid PRIMARY KEY,
  kind         text NOT NULL,
  version      int NOT NULL CHECK (version > 0),
  state        text NOT NULL
               CHECK (state IN ('running', 'compensating', 'completed', 'compensated', 'parked')),
  position     int NOT NULL CHECK (position >= 0),
  data         jsonb NOT NULL,
  attempt      int NOT NULL DEFAULT 1 CHECK (attempt > 0),
  tries        int NOT NULL DEFAULT 0 CHECK (tries >= 0),
  reason       text,
  trouble      text,
  parked_from  text CHECK (parked_from IN ('running', 'compensating')),
  waits_for    text,
  due_at       timestamptz,
  sort         text CHECK (sort IN ('local', 'remote', 'await')),
  token        bigint NOT NULL DEFAULT 0,
  wake_at      timestamptz,
  asked_at     timestamptz,
  started_at   timestamptz NOT NULL,
  changed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((state = 'parked') = (parked_from IS NOT NULL)),
  CHECK (state IN ('running', 'compensating') OR (wake_at IS NULL AND due_at IS NULL)),
  CHECK (state NOT IN ('running', 'compensating') OR wake_at IS NOT NULL OR waits_for IS NOT NULL)
);
CREATE INDEX saga_instances_wake ON saga_instances (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX saga_instances_due ON saga_instances (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX saga_instances_parked ON saga_instances (changed_at) WHERE state = 'parked';

CREATE TABLE saga_signals (
  saga_id     uuid NOT NULL REFERENCES saga_instances (id),
  name        text NOT NULL,
  data        jsonb NOT NULL,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (saga_id, name)
);

CREATE TABLE saga_definitions (
  kind    text NOT NULL,
  version int NOT NULL,
  shape   text NOT NULL,
  PRIMARY KEY (kind, version)
);

-- How far along the sealed trail each consumer has looked. The row is the consumer's lock.
CREATE TABLE bus_consumers (
  consumer text PRIMARY KEY,
  position bigint NOT NULL DEFAULT 0 CHECK (position >= 0)
);

-- Which kinds a consumer takes, from which position on (a kind added later is not caught up on).
CREATE TABLE bus_kinds (
  consumer text NOT NULL REFERENCES bus_consumers (consumer),
  kind     text NOT NULL,
  since    bigint NOT NULL CHECK (since >= 0),
  PRIMARY KEY (consumer, kind)
);

-- The last version of each stream that a consumer has applied: what makes effects happen once.
CREATE TABLE bus_heads (
  consumer text NOT NULL,
  stream   text NOT NULL,
  version  bigint NOT NULL CHECK (version > 0),
  PRIMARY KEY (consumer, stream)
);

-- A stream that waits, for one consumer, behind an entry it could not apply. `retry_at` is in
-- database time, NULL once the entry is dead; then the stream waits for a person.
CREATE TABLE bus_waits (
  consumer text NOT NULL,
  stream   text NOT NULL,
  entry_id bigint NOT NULL,
  version  bigint NOT NULL CHECK (version > 0),
  kind     text NOT NULL,
  tries    int NOT NULL CHECK (tries >= 0),
  retry_at timestamptz,
  trouble  text NOT NULL,
  PRIMARY KEY (consumer, stream)
);
CREATE INDEX bus_waits_retry ON bus_waits (consumer, retry_at) WHERE retry_at IS NOT NULL;

CREATE TABLE bus_dead_letters (
  consumer    text NOT NULL,
  entry_id    bigint NOT NULL,
  stream      text NOT NULL,
  version     bigint NOT NULL,
  kind        text NOT NULL,
  trouble     text NOT NULL,
  died_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  replayed_at timestamptz,
  applied_at  timestamptz,
  PRIMARY KEY (consumer, entry_id)
);

GRANT SELECT ON saga_instances, saga_signals, saga_definitions,
  bus_consumers, bus_kinds, bus_heads, bus_waits, bus_dead_letters
  TO tradesense_app, tradesense_reader;
GRANT INSERT, UPDATE ON saga_instances, bus_consumers, bus_heads, bus_waits, bus_dead_letters
  TO tradesense_app;
GRANT DELETE ON bus_waits TO tradesense_app;
GRANT INSERT ON saga_signals, saga_definitions, bus_kinds TO tradesense_app;
"""
