"""Who sees the taxonomy: everybody."""

from ..models import Category
from .base import Permission


class SeesCategory(Permission[Category]):
    """Categories of listings and of tickets."""

    name = "category:read"
    model = Category
