"""Routes as Azure writes them: `items/{id:int?}`, `{*rest}`."""

import re

_PARAMETER = re.compile(r"/?\{(\*{0,2})(\w+)((?::[^{}]*?)*)(=[^{}]*)?(\?)?\}")

# Constraints of ASP.NET's routes that are common; others let any segment through.
_CONSTRAINTS = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "bool": r"(?i:true|false)",
    "alpha": r"[A-Za-z]+",
    "guid": r"[0-9a-fA-F-]{36}",
    "float": r"-?\d+(?:\.\d+)?",
    "double": r"-?\d+(?:\.\d+)?",
    "decimal": r"-?\d+(?:\.\d+)?",
}


def compiled(route):
    """The route as a regular expression over a path without its first slash; letter case doesn't count."""
    route, parts, at = route.strip("/"), [], 0
    for match in _PARAMETER.finditer(route):
        parts.append(re.escape(route[at : match.start()]))
        parts.append(_group(match))
        at = match.end()
    parts.append(re.escape(route[at:]))
    return re.compile("".join(parts), re.IGNORECASE)


def precedence(route):
    """For sorting: ASP.NET tries literal segments first, then parameters, what takes all the rest last."""
    kinds = [2 if "{*" in part else 1 if "{" in part else 0 for part in route.strip("/").split("/")]
    return kinds, -len(kinds)


def _group(match):
    slash = "/" if match[0].startswith("/") else ""
    if match[1]:
        return f"(?:{slash}(?P<{match[2]}>.*))?"
    pattern = r"[^/]+"
    for constraint in match[3].split(":")[1:]:
        pattern = _CONSTRAINTS.get(constraint, pattern)
    optional = match[4] or match[5]
    return f"(?:{slash}(?P<{match[2]}>{pattern})){'?' if optional else ''}"
