LEVELS: tuple[str, ...]
AVAILABLE: tuple[str, ...]

def chosen() -> int: ...
