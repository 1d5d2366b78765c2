"""What must always be true of challenges. Each query returns the rows that break it."""

INVARIANTS = {
    "an account has at most one verdict that stands": """
        SELECT account_id FROM challenges_verdicts
        WHERE reversed_at IS NULL GROUP BY 1 HAVING count(*) > 1
    """,
    "a phase begins only after the one before it was passed": """
        SELECT a.challenge_id, a.phase FROM challenges_accounts a
        WHERE a.phase <> 'phase-1' AND NOT EXISTS (
            SELECT FROM challenges_accounts b JOIN challenges_verdicts v USING (account_id)
            WHERE b.challenge_id = a.challenge_id AND v.outcome = 'passed'
              AND v.reversed_at IS NULL
              AND b.phase = CASE a.phase WHEN 'phase-2' THEN 'phase-1' ELSE 'phase-2' END)
    """,
    "a challenge trades the account of its phase": """
        SELECT c.id FROM challenges_challenges c
        LEFT JOIN challenges_accounts a
          ON a.challenge_id = c.id AND a.phase = c.phase AND a.account_id = c.account_id
        WHERE a.account_id IS NULL
    """,
    "a challenge has failed exactly if its current account has": """
        SELECT c.id FROM challenges_challenges c
        WHERE (c.status = 'failed') IS DISTINCT FROM EXISTS (
            SELECT FROM challenges_verdicts v
            WHERE v.account_id = c.account_id AND v.outcome = 'failed' AND v.reversed_at IS NULL)
    """,
    "a passed account was followed by the next one": """
        SELECT c.id FROM challenges_challenges c JOIN challenges_verdicts v USING (account_id)
        WHERE v.outcome = 'passed' AND v.reversed_at IS NULL
    """,
    "the terms are what their hash names": """
        SELECT id FROM challenges_challenges WHERE terms_sha256 <> encode(sha256(terms), 'hex')
    """,
    "every account of a challenge was asked of the engine, under the sealed terms": """
        SELECT a.account_id FROM challenges_accounts a
        JOIN challenges_challenges c ON c.id = a.challenge_id
        LEFT JOIN trading_commands t ON t.account_id = a.account_id AND t.kind = 'open'
        WHERE t.body ->> 'terms_sha256' IS DISTINCT FROM c.terms_sha256
    """,
    "a verdict is what the engine came upon, and nothing else": """
        SELECT a.account_id FROM challenges_accounts a
        LEFT JOIN trading_outcomes o USING (account_id)
        JOIN challenges_challenges c ON c.id = a.challenge_id
        LEFT JOIN challenges_verdicts v
          ON v.account_id = a.account_id AND v.reversed_at IS NULL
        WHERE NOT (c.status = 'revoked' AND c.account_id = a.account_id AND v.id IS NULL)
          AND (o.price_seq, o.kind = 'breached')
          IS DISTINCT FROM (v.price_seq, v.outcome = 'failed')
    """,
    "the account of a revoked challenge was asked to close for that reason": """
        SELECT c.id FROM challenges_challenges c WHERE c.status = 'revoked' AND NOT EXISTS (
            SELECT FROM trading_commands t WHERE t.account_id = c.account_id
              AND t.kind = 'close_account' AND t.body ->> 'reason' = c.revoked_for)
    """,
    "no verdict follows a revocation": """
        SELECT c.id FROM challenges_challenges c JOIN challenges_verdicts v USING (account_id)
        WHERE c.status = 'revoked' AND v.reversed_at IS NULL
    """,
    "an account was asked to halt if, and only if, its challenge is suspended": """
        SELECT c.id FROM challenges_challenges c
        LEFT JOIN LATERAL (
            SELECT t.kind, t.body ->> 'reason' AS reason FROM trading_commands t
            WHERE t.account_id = c.account_id AND t.kind IN ('halt', 'resume')
            ORDER BY t.id DESC LIMIT 1) t ON true
        WHERE c.status IN ('running', 'funded')
          AND c.suspended_for IS DISTINCT FROM CASE t.kind WHEN 'halt' THEN t.reason END
    """,
    "every verdict is on the trail, once": """
        SELECT v.account_id FROM challenges_verdicts v
        JOIN challenges_accounts a USING (account_id)
        LEFT JOIN trail_entries e ON e.stream = 'challenge:' || a.challenge_id
          AND e.kind = CASE v.outcome WHEN 'failed' THEN 'ChallengeFailed' ELSE 'PhasePassed' END
          AND convert_from(e.canonical, 'UTF8')::jsonb #>> '{data,account_id}'
            = a.account_id::text
        GROUP BY v.account_id HAVING count(e.id) <> 1
    """,
}
