"""What a login may look like. Pure."""

import re
import unicodedata

from tradesense.kernel.errors import Invalid

EMAIL_LENGTH_MAX = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets
LOCAL_LENGTH_MAX = 64  # RFC 5321, section 4.5.3.1.1
PASSWORD_LENGTH_MIN = 10  # above the eight of NIST SP 800-63B; no rules on its characters
PASSWORD_LENGTH_MAX = 256  # room for any phrase, without paying for megabytes of hashing

LOGIN_FAILURES_MAX = 10  # per account and address, within the window
ADDRESS_FAILURES_MAX = 100  # per address over all accounts: many people share an office's address
LOGIN_WINDOW_S = 300

_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


_NAME_WORD = re.compile(r"[a-z]{2,}")  # an initial alone tells nobody apart
_KEY_ID = re.compile(r"PK[A-Z2-7]{18}")  # as secrecy.key_id_of writes them


class BadEmail(Invalid):
    """The address cannot receive mail as written."""

    code = "identity.bad_email"


class BadPassword(Invalid):
    """The password is too short, too long or not text."""

    code = "identity.bad_password"


def is_key_id(written: str) -> bool:
    """Return whether `written` could be the id of an API key; what else it is, no table has it."""
    return _KEY_ID.fullmatch(written) is not None


def normalise_email(written: str) -> str:
    """
    Return the one spelling under which an address is known: trimmed, lower case, ASCII domain.

    Lower case also before the `@`: two accounts that differ by a capital letter are one person's
    mistake. Raises BadEmail and says what is wrong.
    """
    text = unicodedata.normalize("NFC", written).strip().lower()
    local, at, domain = text.rpartition("@")
    if not at:
        raise BadEmail("an e-mail address has an @, as in ada@example.com")
    if not _LOCAL.fullmatch(local) or len(local) > LOCAL_LENGTH_MAX:
        raise BadEmail("the part before the @ is not one we can send mail to")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise BadEmail("the part after the @ is no domain name") from None
    labels = domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):  # noqa: PLR2004 -- a host and its top-level domain
        raise BadEmail("the part after the @ is no domain name, as in example.com")
    address = f"{local}@{domain}"
    if len(address) > EMAIL_LENGTH_MAX:
        raise BadEmail(f"an e-mail address has at most {EMAIL_LENGTH_MAX} characters")
    return address


def likely_name(address: str) -> str:
    """
    Return the words before the @ of a known address: a name more often than not; never sure.

    `ada.lovelace2+shop@example.com` may be an Ada Lovelace. What is tagged on is left out.
    """
    local = address.partition("@")[0].partition("+")[0]
    return " ".join(_NAME_WORD.findall(local))


def normalise_password(written: str) -> str:
    """
    Return the password as it is hashed (NFKC, as NIST SP 800-63B advises).

    Raises BadPassword unless it has 10 to 256 characters, none of them a control character.
    """
    password = unicodedata.normalize("NFKC", written)
    if len(password) < PASSWORD_LENGTH_MIN:
        raise BadPassword(f"a password has at least {PASSWORD_LENGTH_MIN} characters")
    if len(password) > PASSWORD_LENGTH_MAX:
        raise BadPassword(f"a password has at most {PASSWORD_LENGTH_MAX} characters")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        raise BadPassword("a password is text: no control characters")
    return password
