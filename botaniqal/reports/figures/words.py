"""What each figure means, in one sentence."""

definitions: dict[str, str] = {}
