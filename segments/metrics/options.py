"""Options of a KPI as they come from a page, an address or a command line, checked and completed."""

from collections.abc import Mapping

from segments.errors import BadOption
from segments.metrics.metric import Metric, Option, Options
from segments.nearest import hint


def read_options(metric: Metric, given: Mapping[str, object]) -> Options:
    """Every option of ``metric``, by ``given`` where it says something and by default elsewhere.

    Raises:
        BadOption: an option the KPI does not have, a value it does not allow, or a text that cannot be read; the message
            names the nearest.
    """
    known = {option.name: option for option in metric.options}
    for name in given:
        if name not in known:
            raise BadOption(f"{metric.slug} has no option {name}; {hint(name, known)}", code="no_option")
    options = {name: _value(option, given.get(name)) for name, option in known.items()}
    _check_periods(options)
    return options


def _value(option: Option, given: object) -> int | str:
    if given is None or given == "":
        return option.default
    if option.choices:
        if str(given) in option.choices:
            return str(given)
        sentence = f"{option.name} cannot be {given}; {hint(str(given), option.choices)}"
        raise BadOption(sentence, code="not_a_choice", option=option.name)
    if isinstance(option.default, str):
        if option.reads is not None:
            option.reads(str(given))
        return str(given)
    return _whole_number(option, given)


def _whole_number(option: Option, given: object) -> int:
    try:
        number = int(str(given))
    except ValueError:
        number = option.low - 1
    if not option.low <= number <= option.high:
        sentence = f"{option.name} is a whole number from {option.low} to {option.high}, not {given}"
        raise BadOption(sentence, code="out_of_range", option=option.name, low=option.low, high=option.high)
    return number


def _check_periods(options: Options) -> None:
    if options.get("type") == "range" and int(options["a"]) > int(options["b"]):
        sentence = f"the range begins (a = {options['a']}) after it ends (b = {options['b']})"
        raise BadOption(sentence, code="range_turned_round")
    if options.get("type") in ("exact", "rolling") and int(options["n"]) > int(options["horizon"]):
        sentence = f"n = {options['n']} lies beyond the horizon H = {options['horizon']}"
        raise BadOption(sentence, code="beyond_horizon")
