"""JSON for people's eyes, also when its end was cut off."""

import json
import re

_SIGN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],]|:\s*|[^"{}\[\],:]+', re.DOTALL)
INDENT = "  "


def readable(text: str) -> str:
    """The text with a line for each value, indented; what is no JSON is returned as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return _in_lines(text) if text[:1] in ("{", "[") else text


def _in_lines(text: str) -> str:
    """The same for JSON that was cut off, by its signs alone."""
    depth = 0
    parts: list[str] = []
    for sign in _SIGN.findall(text):
        if sign in ("{", "["):
            depth += 1
            parts.append(f"{sign}\n{INDENT * depth}")
        elif sign in ("}", "]"):
            depth = max(depth - 1, 0)
            parts.append(f"\n{INDENT * depth}{sign}")
        elif sign == ",":
            parts.append(f",\n{INDENT * depth}")
        elif sign.startswith(":"):
            parts.append(": ")
        else:
            parts.append(sign if sign.startswith('"') else sign.strip())
    return "".join(parts)
