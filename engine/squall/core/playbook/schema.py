"""Does a document have the shape of a playbook? If not, every place where it has not, in words.

The only door to the JSON Schema libraries. jsonschema-rs decides whether a document is valid, in a
tenth of a millisecond; only for one that is not is jsonschema imported, because its errors carry
what a sentence needs. Without the jsonschema-rs wheel jsonschema does both. The schema's text is
read outside and handed in.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from squall.core.diagnostics import Diagnostic, Span, nearest, short
from squall.core.playbook import fixes
from squall.core.playbook.faults import FAULTS
from squall.core.playbook.repair import Misfit, without
from squall.core.playbook.source import Data, Document, Path
from squall.core.playbook.spellings import Meant, choice_for, meant_by

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

_SHARES: Final = {"Share", "Rate"}
_ROUNDS: Final = 5
_PERCENT: Final = re.compile(r"\s*[0-9]+(?:\.[0-9]+)?\s*%\s*")

Words = tuple[str, str, str]
"""Code, message, hint."""


def check_shape(document: Document, file: str, schema: str) -> list[Diagnostic]:
    """Every place where the document does not fit the schema; empty when it does."""
    if _decider(schema)(document.data):
        return []
    found = list(_findings(document, file, schema))
    if not found:  # the two libraries disagree, which a test rules out; invalid stays invalid
        span = document.locate(())
        message = "the document does not fit the schema of playbooks"
        found.append(Diagnostic(file=file, span=span, code="SQ105", message=message))
    return found


@lru_cache(maxsize=4)
def _decider(schema: str) -> Callable[[Data], bool]:
    try:
        import jsonschema_rs  # noqa: PLC0415 - its door, and it may be missing
    except ImportError:
        slow: Callable[[Data], bool] = explainer(schema).is_valid
        return slow
    fast: Callable[[Data], bool] = jsonschema_rs.validator_for(schema).is_valid
    return fast


@lru_cache(maxsize=4)
def explainer(schema: str) -> "Validator":
    """The slow validator, whose errors can be put in words; it decides as the fast one does."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow, only for invalid files
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415
    from jsonschema.validators import extend  # noqa: PLC0415

    def pattern(
        _: "Validator", asked: str, instance: object, __: Mapping[str, Any]
    ) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not _matches(asked, instance):
            yield ValidationError("")

    strict: Callable[[Data], Validator] = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, {"pattern": pattern}
    )
    return strict(json.loads(schema))


def _matches(pattern: str, text: str) -> bool:
    # In ECMA 262 a dollar is the end; in Python it is also the place before a last newline.
    return re.search(pattern.replace("$", r"\Z"), text) is not None


def fitting(document: Document, schema: str) -> Document | None:
    """What of the document fits the schema; None when nothing that could be looked at does."""
    for _ in range(_ROUNDS):
        if _decider(schema)(document.data):
            return document
        document = without(document, _misfits(document, schema))
    return None


def example_at(schema: str, path: Path) -> Data:
    """What may stand at a place: a plain example the schema gives there, or else any it gives.

    Where it gives none, what stands there in an example of what is around; else a text.
    """
    examples = _examples(schema, path)
    plain = (one for one in examples if not isinstance(one, dict | list))
    around = (_part(one, path[-1]) for one in _examples(schema, path[:-1]) if path)
    within = (one for one in around if one is not None)
    return next(plain, examples[0] if examples else next(within, "text"))


def _examples(schema: str, path: Path) -> list[Data]:
    return [one for about in _about_place(schema, path) for one in about.get("examples", ())]


def _part(example: Data, key: str | int) -> Data:
    """What stands in an example under a key, or as an item of it; None for nothing."""
    if isinstance(example, list) and isinstance(key, int):
        return next(iter(example), None)
    return example.get(key) if isinstance(example, dict) and isinstance(key, str) else None


def only_text_fits(schema: str, path: Path, value: Data) -> bool:
    """Whether a place takes a text and not this number or truth value as it is."""
    kinds = {"boolean"} if isinstance(value, bool) else {"integer", "number"}
    taken: set[str] = set()
    for about in _about_place(schema, path) if isinstance(value, bool | int | float) else ():
        named = about.get("type", ())
        taken.update([named] if isinstance(named, str) else named)
    return "string" in taken and not taken & kinds


def _about_place(schema: str, path: Path) -> Iterator[Mapping[str, Any]]:
    """The parts of the schema that speak of the value at a path."""
    whole = _parsed(schema)
    here = [whole]
    for part in path:
        here = [below for about in here for below in _below(whole, about, part)]
    for about in here:
        yield from _alternatives(whole, about)


@lru_cache(maxsize=4)
def _parsed(schema: str) -> Mapping[str, Any]:
    parsed: Mapping[str, Any] = json.loads(schema)
    return parsed


def _alternatives(whole: Mapping[str, Any], about: Any) -> Iterator[Mapping[str, Any]]:
    """A part of the schema, and what it refers or branches to."""
    if not isinstance(about, Mapping):
        return
    yield about
    reference = about.get("$ref", "")
    if reference.startswith("#/$defs/"):
        yield from _alternatives(whole, whole["$defs"][reference.removeprefix("#/$defs/")])
    for branch in ("then", "else"):
        yield from _alternatives(whole, about.get(branch))


def _below(
    whole: Mapping[str, Any], about: Mapping[str, Any], part: str | int
) -> Iterator[Mapping[str, Any]]:
    for each in _alternatives(whole, about):
        if isinstance(part, int):
            if "items" in each:
                yield each["items"]
        elif part in each.get("properties", {}):
            yield each["properties"][part]
        elif isinstance(each.get("additionalProperties"), Mapping):
            yield each["additionalProperties"]


def _misfits(document: Document, schema: str) -> Iterator[Misfit]:
    for error in explainer(schema).iter_errors(document.data):
        path, word = tuple(error.absolute_path), str(error.validator)
        if "propertyNames" in error.absolute_schema_path:
            yield (*path, str(error.instance)), word
        elif word == "additionalProperties":
            yield from (((*path, key), word) for key in _unexpected(error))
        else:
            yield path, word


@lru_cache(maxsize=4)
def _spelt(schema: str) -> frozenset[str]:
    """Every key that stands anywhere in the schema."""

    def keys(part: object) -> Iterator[str]:
        if isinstance(part, Mapping):
            properties = part.get("properties")
            yield from properties if isinstance(properties, Mapping) else ()
            part = list(part.values())
        for each in part if isinstance(part, list) else ():
            yield from keys(each)

    return frozenset(keys(json.loads(schema)))


def _findings(document: Document, file: str, schema: str) -> Iterator[Diagnostic]:
    for error in explainer(schema).iter_errors(document.data):
        path = tuple(error.absolute_path)
        if "propertyNames" in error.absolute_schema_path:
            name = str(error.instance)
            message = f"{_quoted(name)} cannot be a {str(_about(error)['title']).lower()}"
            span = document.locate((*path, name), key=True)
            hint = str(_about(error)["description"])
            yield Diagnostic(file=file, span=span, code="SQ105", message=message, hint=hint)
            continue
        if error.validator == "additionalProperties":
            for key in _unexpected(error):
                code, message, hint = _unknown_key(error, key)
                span = document.locate((*path, key), key=True)
                at = document.locate((*path, key))
                fix = () if document.aliases else _key_fix(error, key, (span, at), file, schema)
                yield Diagnostic(
                    file=file, span=span, code=code, message=message, hint=hint, fix=fix
                )
            continue
        code, message, hint = _words(error)
        span = document.locate(path, key=error.validator == "required")
        fix = () if document.aliases else _value_fix(error, span, file)
        if fix and error.validator in {"pattern", "type"}:
            hint = f"did you mean {fix[0].text if len(fix) == 1 else _in_quotes(error.instance)}?"
        yield Diagnostic(file=file, span=span, code=code, message=message, hint=hint, fix=fix)


def _about(error: "ValidationError") -> Mapping[str, Any]:
    """The part of the schema that failed."""
    return error.schema if isinstance(error.schema, Mapping) else {}


def _unexpected(error: "ValidationError") -> list[str]:
    instance: Any = error.instance
    known = _about(error).get("properties", {})
    return [str(key) for key in instance if key not in known]


def _unknown_key(error: "ValidationError", key: str) -> Words:
    known: Mapping[str, Any] = _about(error).get("properties", {})
    other = _other(error, key)
    close = nearest(key, known)
    if other is not None:
        hint = (
            f"write {other.key}: {other.value}" if other.value else f"did you mean '{other.key}'?"
        )
    elif close:
        hint = f"did you mean '{close}'?"
    elif key in FAULTS and "scenario" in known:
        hint = f"faults stand under 'scenario': {{{key}: …}}"
    else:
        hint = f"keys here: {', '.join(known)}"
    return "SQ101", f"unknown key '{short(key)}'", hint


def _other(error: "ValidationError", key: str) -> Meant | None:
    """What a key means that is spelt as other tools, or other habits, spell it."""
    instance: Any = error.instance
    return meant_by(key, instance[key], _about(error).get("properties", {}), instance)


def _key_fix(
    error: "ValidationError", key: str, spans: tuple[Span, Span], file: str, schema: str
) -> fixes.Fix:
    known: Mapping[str, Any] = _about(error).get("properties", {})
    instance: Any = error.instance
    span, at = spans
    other = _other(error, key)
    if other is not None:
        if not other.certain:
            return ()
        renamed = fixes.instead(span, key, other.key)
        if not other.value or not renamed:
            return renamed
        valued = fixes.number(at, instance[key], other.value, file=file)
        return (*renamed, *valued) if valued else ()
    meant = fixes.meant_key(key, known, instance, _spelt(schema))
    return fixes.instead(span, key, meant) if meant else ()


def _value_fix(error: "ValidationError", span: Span, file: str) -> fixes.Fix:
    value: Any = error.instance
    title = _about(error).get("title")
    match error.validator:
        case "type" if error.validator_value == "string" and isinstance(value, bool | int | float):
            text = json.dumps(value)
            fits = _matches(_about(error).get("pattern", ""), text)
            return fixes.quoted(span, text) if fits else ()
        case "enum" if isinstance(value, str):
            asked: Any = error.validator_value
            choices = [each for each in asked if isinstance(each, str)]
            meant = choice_for(value, choices) or fixes.meant(value, choices)
            return fixes.instead(span, value, meant) if meant else ()
        case "pattern" if title == "Duration":
            return fixes.duration(span, value)
        case "maximum" if title in _SHARES:
            return fixes.percent(span, value, file=file)
    return ()


_TYPES: Final = {
    "string": "a text", "number": "a number", "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list", "object": "a mapping", "null": "nothing",
}  # fmt: skip


def _words(error: "ValidationError") -> Words:
    """One error as code, sentence and hint."""
    asked: Any = error.validator_value
    about = _about(error)
    title = about.get("title", "value")
    examples = about.get("examples", [])
    hint = f"for example {json.dumps(examples[0], ensure_ascii=False)}" if examples else ""
    value = _quoted(error.instance)
    match error.validator:
        case "required":
            instance: Any = error.instance
            missing = next(
                key for key in asked if key not in instance and repr(key) in error.message
            )
            return "SQ102", f"'{missing}' is missing", _required_hint(error, missing)
        case "type" if error.instance is None:
            return "SQ103", "there is nothing here", hint
        case "type":
            kinds = [asked] if isinstance(asked, str) else asked
            wanted = " or ".join(_TYPES[kind] for kind in kinds)
            return "SQ103", f"{value} is not {wanted}", hint
        case "enum" | "const":
            return "SQ104", f"{value} is not a choice here", _choice(error)
        case "pattern" if _is_percentage(error):
            return "SQ106", f"{value} is out of range: at most 100%", ""
        case "pattern":
            return "SQ105", f"{value} is not written as {_article(title)}", hint
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            return "SQ106", f"{value} is out of range: {_bound(error)}", _share_hint(error) or hint
        case "minItems" | "minProperties" | "minLength":
            return "SQ107", "there is nothing in it", hint
        case "maxItems" | "maxProperties" | "maxLength":
            return "SQ107", f"there is too much in it: at most {asked:,}", ""
    return "SQ105", f"{value} does not fit", hint


def _required_hint(error: "ValidationError", missing: str) -> str:
    known = _about(error).get("properties", {})
    instance: Any = error.instance
    strangers = [key for key in instance if key not in known]
    others = [key for key in strangers if (m := _other(error, key)) and m.key == missing]
    close = next(iter(others), None) or nearest(missing, strangers)
    if close:
        return f"is '{close}' meant to be '{missing}'?"
    examples = known.get(missing, {}).get("examples", [])
    return f"for example {missing}: {json.dumps(examples[0])}" if examples else ""


def _choice(error: "ValidationError") -> str:
    asked: Any = error.validator_value
    asked = asked if isinstance(asked, list) else [asked]
    choices = [choice if isinstance(choice, str) else json.dumps(choice) for choice in asked]
    written = str(error.instance)
    close = choice_for(written, choices) or nearest(written, choices)
    return f"did you mean '{close}'?" if close else f"choices: {', '.join(choices)}"


def _bound(error: "ValidationError") -> str:
    words = {
        "minimum": "at least", "maximum": "at most",
        "exclusiveMinimum": "more than", "exclusiveMaximum": "less than",
    }  # fmt: skip
    return f"{words[str(error.validator)]} {error.validator_value}"


def _share_hint(error: "ValidationError") -> str:
    """A share above 1 is usually a percentage without its sign."""
    value: Any = error.instance
    if _about(error).get("title") in _SHARES and isinstance(value, int | float):
        return (
            f"did you mean {value:g}%?" if 1 < value <= 100 else "a share is 0 to 1, or 0% to 100%"
        )
    return ""


def _is_percentage(error: "ValidationError") -> bool:
    return _about(error).get("title") in _SHARES and bool(_PERCENT.fullmatch(str(error.instance)))


def _article(title: str) -> str:
    word = title if title.isupper() else title[0].lower() + title[1:]
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def _in_quotes(value: object) -> str:
    return f'"{json.dumps(value)}"'


def _quoted(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"'{short(text)}'" if isinstance(value, str) else short(text)
