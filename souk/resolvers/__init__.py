"""How a field answers: reads return Selects, writes are functions; inputs stand beside the function that takes them."""

from . import enums as enums  # first of all: an input that names a word needs it to be an enum already
