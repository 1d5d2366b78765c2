"""Notifications: what people are told."""

SQL = """
CREATE TABLE notifications_messages (
    message_id uuid PRIMARY KEY,
    user_id    uuid NOT NULL,
    topic      text NOT NULL,
    data       jsonb NOT NULL,
    cause      text NOT NULL,
    written_at timestamptz NOT NULL,
    -- A fact is told to a person once.
    UNIQUE (cause, user_id)
);
CREATE INDEX notifications_messages_by_user ON notifications_messages (user_id, written_at DESC);

GRANT SELECT, INSERT ON notifications_messages TO tradesense_app;
GRANT SELECT ON notifications_messages TO tradesense_reader;
"""
