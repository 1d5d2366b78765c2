"""Webhooks: how often an operator had one looked into again."""

SQL = """
ALTER TABLE payments_webhook_work
    ADD COLUMN replays integer NOT NULL DEFAULT 0 CHECK (replays >= 0);
-- Lists run from the newest to the oldest; a replay picks a range of moments, or kinds.
CREATE INDEX payments_webhooks_by_moment ON payments_webhooks (received_at, event_id);
GRANT UPDATE (replays) ON payments_webhook_work TO tradesense_app;
"""
