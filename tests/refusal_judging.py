"""What is wrong with an answer to bad input, in words; nothing, if it is as it has to be."""

from collections.abc import Collection, Iterator

import httpx

MISTAKE = "our mistake"
CLIENT_ERRORS = range(400, 500)


def faults(answer: httpx.Response, *, changed: Collection[str] = ()) -> Iterator[str]:
    """Yield what an answer to bad input lacks; `changed` are tables that should not have."""
    if answer.status_code not in CLIENT_ERRORS:
        yield f"{answer.status_code} {answer.text[:200]}"
    if changed:
        yield f"it changed {', '.join(sorted(changed))}"
    if answer.headers.get("content-type") != "application/problem+json":
        yield "it is no problem+json"
        return
    said = answer.json()
    if said.get("type") != f"urn:tradesense:{said.get('code')}" or not said.get("code"):
        yield f"its type is {said.get('type')}"
    if said.get("status") != answer.status_code:
        yield f"it says {said.get('status')}"
    if len(str(said.get("detail", "")).split()) < 2 or MISTAKE in said["detail"]:
        yield f"it does not say what to do: {said.get('detail')!r}"
