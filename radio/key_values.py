"""Device arguments: ``key=value`` separated by commas."""


def key_values(text: str) -> dict[str, str]:
    """Device arguments as a dictionary.

    Raises:
        ValueError: a part without ``=``, a key that comes twice.
    """
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals and value):
            raise ValueError(f"device argument {part!r} is not understood: key=value, separated by commas")
        if key in found:
            raise ValueError(f"device argument {key!r} is given twice")
        found[key] = value
    return found
