"""Amounts in the minor unit of their currency: cents for EUR, yen for JPY, fils for KWD.

Source of the digits: ISO 4217, https://www.six-group.com/en/products-services/financial-information/data-standards.html
Providers deviate from it; an entry's `Amount.digits` says how.
"""

from collections.abc import Mapping

MINOR = "minor"
_CODES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE "
        "CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD "
        "HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP "
        "MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR "
        "SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED "
        "VES WST XCD XCG YER ZAR ZMW ZWG ZWL"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
DIGITS: Mapping[str, int] = {code: digits for digits, codes in _CODES.items() for code in codes.split()}
"""Currency to the digits of its minor unit."""


def in_minor_units(value: str, currency: str, unit: str, own: Mapping[str, int | None]) -> tuple[str, int] | None:
    """Return an amount as a whole number, and the digits that it has behind the decimal point; nothing is rounded.

    The digits are those of the currency, or more if the amount does not fit into these.

    Parameters
    ----------
    value : str
        A decimal number, as the provider writes it.
    currency : str
        In capitals.
    unit : str
        ``minor`` or ``major``: what the provider counts in.
    own : Mapping[str, int | None]
        As `Amount.digits` of `lambdas.inbound.providers.entry`.

    Returns
    -------
    tuple[str, int] | None
        None if the digits of the currency, or those that the provider uses, are not known.
    """
    digits = DIGITS.get(currency)
    counted = own.get(currency, digits) if unit == MINOR else 0
    if digits is None or counted is None:
        return None
    # The number has as many digits as it needs, however many a Decimal would round to.
    whole, _, fraction = value.partition(".")
    fraction = fraction.rstrip("0")
    number, places = int(whole + fraction), len(fraction) + counted
    while places > digits and number % 10 == 0:
        number, places = number // 10, places - 1
    return str(number * 10 ** max(digits - places, 0)), max(digits, places)
