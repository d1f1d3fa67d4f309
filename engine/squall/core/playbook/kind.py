"""The kinds of value that expressions tell apart.

By itself, because the model names them and must not wait for what reads expressions.
"""

from typing import Literal

Kind = Literal["bool", "int", "double", "string", "duration", "list", "map", "dyn"]
"""What a value can be; ``dyn`` is known only when it is there."""
