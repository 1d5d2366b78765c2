"""Numbers on the wire: decimal text or JSON numbers in, whole units inside, text out. Exact."""

import json
import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from tradesense.kernel.errors import Invalid

# Numbers beyond are refused before any arithmetic: 10^999999999 must not cost a second.
_EXPONENT_MAX = 18
_TEXT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_TEXT_MAX = 64
_EXACT = Context(prec=2 * _TEXT_MAX)  # a digit that is rounded away would be a wrong number


def parse_json(body: bytes) -> dict[str, object]:
    """Return the object in `body`, its numbers as Decimal. Raises Invalid."""
    try:
        found = json.loads(
            body or b"{}", parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse
        )
    except InvalidOperation:
        raise Invalid("the body holds a number beyond all bounds") from None
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the body is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise Invalid('the body is a JSON object, as in {"symbol": "EUR/USD"}')
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")


def parse_units(value: object, digits: int, name: str) -> int:
    """Return `value` (text or Decimal) in units of 10^-digits. Raises Invalid, naming `name`."""
    number = _number(value, name)
    units = number.scaleb(digits, _EXACT)
    if units != units.to_integral_value():
        raise Invalid(f"{name} has at most {digits} digits after the point")
    return int(units)


def parse_decimal(value: object, name: str) -> Decimal:
    """Return `value` (text or Decimal) as it is. Raises Invalid, naming `name`."""
    return _number(value, name)


def _number(value: object, name: str) -> Decimal:
    if isinstance(value, str) and len(value) <= _TEXT_MAX and _TEXT.fullmatch(value.strip()):
        value = Decimal(value.strip())
    if not isinstance(value, Decimal) or not value.is_finite():
        raise Invalid(f'{name} is a decimal number, as in "1.25"')
    if len(value.as_tuple().digits) > _TEXT_MAX:
        raise Invalid(f"{name} has at most {_TEXT_MAX} digits")
    if value and not -_EXPONENT_MAX <= value.adjusted() <= _EXPONENT_MAX:
        raise Invalid(f"{name} is too large or too small to trade")
    return value


def text(units: int, digits: int) -> str:
    """Return `units` of 10^-digits as text, every digit shown."""
    return f"{Decimal(units).scaleb(-digits):.{digits}f}"


def short(units: int, digits: int) -> str:
    """Return `units` of 10^-digits as text, without zeros at the end."""
    shown = text(units, digits)
    return shown.rstrip("0").rstrip(".") if digits else shown


def ratio(numerator: int, denominator: int, digits: int) -> str:
    """Return a quotient as text, half to even; "0" where there is nothing to divide by."""
    if denominator == 0:
        return "0"
    step = Decimal(1).scaleb(-digits)
    return str((Decimal(numerator) / denominator).quantize(step, rounding=ROUND_HALF_EVEN))
