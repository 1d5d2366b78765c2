"""Payments over several providers: an attempt at each, disputes, and refunds made elsewhere."""

SQL = """
CREATE TABLE payments_attempts (
    payment_id    uuid NOT NULL REFERENCES payments_payments,
    provider      text NOT NULL,
    number        integer NOT NULL CHECK (number > 0),  -- in the order in which they were asked
    status        text NOT NULL CHECK (status IN ('asked', 'unknown', 'away', 'refused', 'offered',
                                                  'withdrawing', 'withdrawn', 'paid')),
    way           text NOT NULL CHECK (way IN ('page', 'direct')),
    provider_ref  text,
    client_secret text,
    pay_url       text,
    last_decline  text,
    trouble       text,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Pacing is in database time: it goes on while a driven clock stands still.
    next_poll_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    polls         integer NOT NULL DEFAULT 0,
    PRIMARY KEY (payment_id, provider),
    UNIQUE (provider, provider_ref),
    CHECK (status NOT IN ('offered', 'withdrawing', 'paid') OR provider_ref IS NOT NULL)
);
CREATE INDEX payments_attempts_due ON payments_attempts (next_poll_at)
    WHERE status IN ('offered', 'withdrawing', 'unknown');

INSERT INTO payments_attempts (payment_id, provider, number, status, way, provider_ref,
    client_secret, pay_url, last_decline)
SELECT payment_id, provider, 1,
    CASE WHEN status IN ('succeeded', 'mismatched') THEN 'paid'
         WHEN status IN ('failed', 'cancelled') THEN 'withdrawn'
         WHEN cancel_requested THEN 'withdrawing' ELSE 'offered' END,
    'direct', provider_ref, client_secret, pay_url, last_decline
FROM payments_payments WHERE provider_ref IS NOT NULL;

ALTER TABLE payments_payments
    DROP COLUMN provider, DROP COLUMN provider_ref, DROP COLUMN client_secret,
    DROP COLUMN pay_url, DROP COLUMN last_decline, DROP COLUMN offered_at,
    DROP COLUMN next_poll_at, DROP COLUMN polls,
    ADD COLUMN way text NOT NULL DEFAULT 'direct' CHECK (way IN ('page', 'direct')),
    ADD COLUMN return_url text NOT NULL DEFAULT '',
    ADD COLUMN captured_later boolean NOT NULL DEFAULT false,
    ADD COLUMN capture_requested boolean NOT NULL DEFAULT false,
    ADD COLUMN wanted_provider text,
    ADD COLUMN wish_at timestamptz,  -- the buyer wants another way to pay; looked at from then on
    ADD COLUMN held boolean NOT NULL DEFAULT false,
    ADD COLUMN earned boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT payments_payments_status_check,
    ADD CONSTRAINT payments_payments_status_check CHECK (status IN (
        'requested', 'offered', 'authorised', 'succeeded', 'partially_refunded', 'refunded',
        'disputed', 'won', 'lost', 'mismatched', 'failed', 'cancelled'));
CREATE INDEX payments_payments_wishes ON payments_payments (wish_at) WHERE wish_at IS NOT NULL;
UPDATE payments_payments SET earned = true WHERE status = 'succeeded' AND EXISTS (
    SELECT FROM purchases_purchases p WHERE p.id = purchase_id AND p.status = 'active');

ALTER TABLE payments_refunds
    ADD COLUMN is_ours boolean NOT NULL DEFAULT true,  -- false: made in the provider's dashboard
    ADD COLUMN asked_by text NOT NULL DEFAULT 'system:payments',
    ADD COLUMN trouble text,
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN reversal_id uuid;  -- in the books, of one that came back after it had been sent
CREATE INDEX payments_refunds_failed ON payments_refunds (ended_at) WHERE status = 'failed';
CREATE UNIQUE INDEX payments_refunds_by_ref ON payments_refunds (provider, refund_ref)
    WHERE refund_ref IS NOT NULL;

CREATE TABLE payments_disputes (
    provider     text NOT NULL,
    dispute_ref  text NOT NULL,
    provider_ref text NOT NULL,
    payment_id   uuid NOT NULL REFERENCES payments_payments,
    status       text NOT NULL CHECK (status IN ('open', 'won', 'lost')),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency     text NOT NULL,
    reason       text NOT NULL,
    held_id      uuid,  -- the transfer that says that the provider has taken the amount
    ended_id     uuid,  -- the transfer that gives it back, or writes it off
    opened_at    timestamptz NOT NULL,
    ended_at     timestamptz,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (provider, dispute_ref),
    FOREIGN KEY (provider, provider_ref) REFERENCES payments_receipts,
    CHECK ((status = 'open') = (ended_at IS NULL))
);
CREATE INDEX payments_disputes_by_payment ON payments_disputes (payment_id);

ALTER TABLE purchases_purchases
    ADD COLUMN way text NOT NULL DEFAULT 'direct' CHECK (way IN ('page', 'direct')),
    ADD COLUMN return_url text NOT NULL DEFAULT '',
    DROP CONSTRAINT purchases_purchases_status_check,
    ADD CONSTRAINT purchases_purchases_status_check CHECK (status IN (
        'awaiting_payment', 'paid', 'active', 'revoked', 'refunded', 'cancelled', 'failed'));

GRANT SELECT, INSERT ON payments_attempts, payments_disputes TO tradesense_app;
GRANT UPDATE (number, status, way, provider_ref, client_secret, pay_url, last_decline, trouble,
    next_poll_at, polls) ON payments_attempts TO tradesense_app;
GRANT UPDATE (status, cancel_requested, way, return_url, capture_requested, wanted_provider,
    wish_at, held, earned) ON payments_payments TO tradesense_app;
GRANT UPDATE (is_ours, trouble, ended_at, reversal_id) ON payments_refunds TO tradesense_app;
GRANT UPDATE (status, held_id, ended_id, ended_at) ON payments_disputes TO tradesense_app;
GRANT SELECT ON payments_attempts, payments_disputes TO tradesense_reader;
"""
