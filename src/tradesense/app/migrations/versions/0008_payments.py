"""Payments: what was asked for, what was received, what goes back, and what providers told us."""

SQL = """
CREATE TABLE payments_payments (
    payment_id    uuid PRIMARY KEY,
    purchase_id   uuid NOT NULL,
    amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    provider      text NOT NULL,
    status        text NOT NULL CHECK (status IN ('requested', 'offered', 'succeeded',
                                                  'mismatched', 'failed', 'cancelled')),
    provider_ref  text,
    client_secret text,
    pay_url       text,
    last_decline  text,
    cancel_requested boolean NOT NULL DEFAULT false,
    requested_at  timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Pacing is in database time: it goes on while a driven clock stands still.
    offered_at    timestamptz,
    next_poll_at  timestamptz,
    polls         integer NOT NULL DEFAULT 0,
    UNIQUE (provider, provider_ref),
    CHECK (status <> 'offered' OR provider_ref IS NOT NULL)
);
CREATE INDEX payments_payments_by_purchase ON payments_payments (purchase_id);
CREATE INDEX payments_payments_unheard ON payments_payments (next_poll_at)
    WHERE status = 'offered';

CREATE TABLE payments_receipts (
    provider     text NOT NULL,
    provider_ref text NOT NULL,
    payment_id   uuid NOT NULL REFERENCES payments_payments,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency     text NOT NULL,
    fate         text NOT NULL CHECK (fate IN ('honoured', 'returned')),
    reason       text NOT NULL,
    transfer_id  uuid,
    received_at  timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (provider, provider_ref)
);
CREATE UNIQUE INDEX payments_receipts_honoured_once ON payments_receipts (payment_id)
    WHERE fate = 'honoured';

CREATE TABLE payments_refunds (
    refund_id     uuid PRIMARY KEY,
    payment_id    uuid NOT NULL REFERENCES payments_payments,
    provider      text NOT NULL,
    provider_ref  text NOT NULL,
    amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
    currency      text NOT NULL,
    reason        text NOT NULL,
    debit_account text NOT NULL,
    status        text NOT NULL CHECK (status IN ('requested', 'succeeded', 'failed')),
    refund_ref    text,
    transfer_id   uuid,
    tries         integer NOT NULL DEFAULT 0,
    next_try_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    requested_at  timestamptz NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (provider, provider_ref) REFERENCES payments_receipts
);
CREATE INDEX payments_refunds_by_payment ON payments_refunds (payment_id);
CREATE INDEX payments_refunds_due ON payments_refunds (next_try_at) WHERE status = 'requested';

-- What came, as it came; never changed. What is left to do about it is the next table's.
CREATE TABLE payments_webhooks (
    provider    text NOT NULL,
    event_id    text NOT NULL,
    type        text NOT NULL,
    object_ref  text,
    body        bytea NOT NULL,
    signature   text NOT NULL,
    received_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (provider, event_id)
);
CREATE TABLE payments_webhook_work (
    provider    text NOT NULL,
    event_id    text NOT NULL,
    tries       integer NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome     text,
    done_at     timestamptz,
    PRIMARY KEY (provider, event_id),
    FOREIGN KEY (provider, event_id) REFERENCES payments_webhooks
);
CREATE INDEX payments_webhook_work_due ON payments_webhook_work (next_try_at)
    WHERE done_at IS NULL;

GRANT SELECT, INSERT ON payments_payments, payments_receipts, payments_refunds,
    payments_webhooks, payments_webhook_work TO tradesense_app;
GRANT UPDATE (status, provider_ref, client_secret, pay_url, last_decline, cancel_requested,
    offered_at, next_poll_at, polls) ON payments_payments TO tradesense_app;
GRANT UPDATE (status, refund_ref, transfer_id, tries, next_try_at) ON payments_refunds
    TO tradesense_app;
GRANT UPDATE (tries, next_try_at, outcome, done_at) ON payments_webhook_work TO tradesense_app;
GRANT SELECT ON payments_payments, payments_receipts, payments_refunds, payments_webhooks,
    payments_webhook_work TO tradesense_reader;
"""
