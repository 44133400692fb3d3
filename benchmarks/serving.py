"""The worker's end of a conversation in JSON lines. Standard library only: peers run it in their own environments."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer every request on standard input with one line on standard output, until the input ends.

    Args:
        answer: Request to answer, both JSON-able. What it prints goes to standard error, so that a talkative library
            does not disturb the conversation.
    """
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=replies, flush=True)
