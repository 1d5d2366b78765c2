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
}
