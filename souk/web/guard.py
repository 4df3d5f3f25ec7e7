"""The query guard: one linear pass over a document before it is validated; each fragment is measured once.

It bounds what a document may cost to validate and to plan. Fragments count where they are spread, so a document whose
fragments multiply is refused by arithmetic, not by being walked.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    Lexer,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Source,
    TokenKind,
)

from souk.engine.cost import Costs, OperationCost, Price
from souk.engine.validation import parsed, unlinked
from souk.rules.signin import ALONE
from souk.settings import Settings
from souk.web.errors import Code, DocumentRefusal, Failure, wrong_document

KEPT = 2_000
RECENT, SHORT = 500, 16_384  # documents that are found again by their text, and its length at most
MAX_DIGITS = 100  # of a number; Python refuses to read one of some thousands, and nothing here needs more than twenty
MAX_BRACKETS = 64  # braces, brackets and parentheses open at once: what the recursive parser may be given
_OPEN = frozenset({TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L})
_CLOSE = frozenset({TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R})
_INTROSPECTION = frozenset({"__schema", "__type"})
_TYPE_LISTS = frozenset({"types", "fields", "inputFields", "interfaces", "possibleTypes"})
MAX_TYPE_LISTS = 2  # lists of introspection within one another: each more multiplies the answer by a type's size
INTROSPECTION_NODES = 1_000
FREE = Price(0, 0)
_APART = _INTROSPECTION | {"__typename"}


@dataclass(frozen=True, slots=True)
class Size:
    """Of a selection set with everything it spreads."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    type_lists: int = 0
    roots: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of one operation of a document that passed.

    `label` is its root field, as the counters tell it: one of the schema's, `several`, or `other`. `roots` are its root
    fields, `fields` their number; `digest` is the document's hash in hexadecimal.
    """

    name: str | None
    kind: OperationType
    digest: str = ""
    label: str = "other"
    roots: frozenset[str] = frozenset()
    fields: int = 0
    cost: OperationCost | None = None

    def price(self, variables: dict[str, Any]) -> Price:
        """What it costs at most with these variables."""
        price = FREE if self.cost is None else self.cost.of(variables)
        if self.roots.isdisjoint(_INTROSPECTION):
            return price
        return Price(price.nodes + INTROSPECTION_NODES, price.weight)


@dataclass(frozen=True, slots=True)
class Checked:
    """A document that passed."""

    operations: tuple[Asked, ...]

    def asked(self, operation_name: str | None) -> Asked:
        """The operation that is asked for. Raises Failure (BAD_REQUEST) when there is no such one."""
        if operation_name is not None:
            for each in self.operations:
                if each.name == operation_name:
                    return each
            raise wrong_document("There is no operation of this name in the document.")
        if len(self.operations) != 1:
            few = "The document has no operation." if not self.operations else "Name one of the document's operations."
            raise wrong_document(few)
        return self.operations[0]


class Guard:
    """Checks documents and remembers the verdicts by the documents' hashes."""

    def __init__(self, settings: Settings, costs: Costs | None = None) -> None:
        self.settings, self.costs = settings, costs
        self.introspection = settings.development
        self._verdicts: OrderedDict[bytes, Checked | Failure] = OrderedDict()
        self._recent: dict[str, Checked] = {}  # by the text, whose hash Python keeps

    def check(self, text: str, sha256: bytes | None = None) -> Checked:
        """`sha256` is that of the text, where it is known already.

        Raises Failure (BAD_REQUEST with the place of a syntax error, QUERY_TOO_COMPLEX, OPERATION_NOT_ALLOWED).
        """
        known = self._recent.get(text)
        if known is not None:
            return known
        key = sha256 or hashlib.sha256(text.encode()).digest()
        verdict = self._verdicts.get(key)
        if verdict is None:
            try:
                verdict = self._measure(text, key.hex())
            except GraphQLError as error:
                verdict = DocumentRefusal(error)
            except Failure as failure:
                verdict = failure.again()
            self._verdicts[key] = verdict
            if len(self._verdicts) > KEPT:
                self._verdicts.popitem(last=False)
        else:
            self._verdicts.move_to_end(key)
        if isinstance(verdict, Failure):
            raise verdict.again()
        if len(text) <= SHORT:
            if len(self._recent) >= RECENT:
                self._recent.clear()
            self._recent[text] = verdict
        return verdict

    def admit(self, asked: Asked, variables: dict[str, Any]) -> Price:
        """What the operation may take. Raises Failure (QUERY_TOO_COMPLEX) where that is more than any may."""
        price = asked.price(variables)
        if price.nodes > self.settings.max_nodes:
            raise _too("rows in its answer", self.settings.max_nodes, nodes=price.nodes)
        if price.points > self.settings.max_cost:
            raise _too("points of cost", self.settings.max_cost, cost=price.points)
        return price

    def _measure(self, text: str, digest: str) -> Checked:
        self._tokens(text)
        document = parsed(text, locations=False)
        if len(document.definitions) > self.settings.max_definitions:
            raise _too("definitions", self.settings.max_definitions)
        sizes = _Sizes(document, self.settings.max_fields)
        operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        try:
            for operation in operations:
                self._operation(operation, sizes.of(operation.selection_set))
        except RecursionError:  # a chain of deep fragments: within the brackets each, not together
            raise _too("levels", self.settings.max_depth) from None
        costs = self.costs.measure(document) if self.costs is not None else {}
        return Checked(tuple([self._asked(each, sizes.of(each.selection_set), costs, digest) for each in operations]))

    def _asked(
        self, node: OperationDefinitionNode, size: Size, costs: dict[str | None, OperationCost], digest: str
    ) -> Asked:
        name = node.name.value if node.name else None
        label = self._label(node.operation, size.roots)
        return Asked(name, node.operation, digest, label, size.roots, size.fields, costs.get(name))

    def _label(self, kind: OperationType, roots: frozenset[str]) -> str:
        asked = roots - _APART
        if len(asked) > 1:
            return "several"
        known = self.costs.roots(kind.value) if self.costs is not None else ()
        only = next(iter(asked), "introspection")
        return only if only in known or not asked else "other"

    def _tokens(self, text: str) -> None:
        lexer = Lexer(Source(text))
        try:
            self._count(lexer)
        finally:
            unlinked(lexer.token)

    def _count(self, lexer: Lexer) -> None:
        count = nested = arguments = aliases = 0
        while (kind := lexer.advance().kind) is not TokenKind.EOF:
            count += 1
            nested += (kind in _OPEN) - (kind in _CLOSE)
            arguments += (kind is TokenKind.PAREN_L) - (kind is TokenKind.PAREN_R)
            if kind is TokenKind.COLON and not arguments:  # what has too many by itself need not be parsed
                aliases += 1
                if aliases > self.settings.max_aliases:
                    raise _too("aliases", self.settings.max_aliases)
            if not nested:
                aliases = 0
            if count > self.settings.max_tokens:
                raise _too("tokens", self.settings.max_tokens)
            if nested > MAX_BRACKETS:
                raise _too("levels of brackets", MAX_BRACKETS)
            if kind in (TokenKind.INT, TokenKind.FLOAT) and len(lexer.token.value or "") > MAX_DIGITS:
                raise wrong_document(f"A number may have {MAX_DIGITS} digits.", limit=MAX_DIGITS)
            if kind in (TokenKind.STRING, TokenKind.BLOCK_STRING) and "\0" in (lexer.token.value or ""):
                raise Failure(Code.BAD_REQUEST, "Text may not contain the character U+0000.")

    def _operation(self, operation: OperationDefinitionNode, size: Size) -> None:
        limits = self.settings
        if size.roots & _INTROSPECTION and not self.introspection:
            raise Failure(Code.OPERATION_NOT_ALLOWED, "Introspection is off.", status=403)
        if size.roots & _INTROSPECTION and size.type_lists > MAX_TYPE_LISTS:
            raise _too("lists of fields within one another", MAX_TYPE_LISTS)
        apart = bool(size.roots) and size.roots <= _APART
        depth = limits.max_introspection_depth if apart else limits.max_depth
        if size.depth > depth:
            raise _too("levels", depth)
        if size.aliases > limits.max_aliases:
            raise _too("aliases", limits.max_aliases)
        if operation.operation is OperationType.MUTATION and size.fields > 1 and size.roots & ALONE:
            raise _too("mutation in one operation that signs in", 1)
        if operation.operation is OperationType.MUTATION and size.fields > limits.max_root_mutations:
            raise _too("mutations in one operation", limits.max_root_mutations)


class _Sizes:
    def __init__(self, document: DocumentNode, max_fields: int) -> None:
        self.max_fields = max_fields
        self.fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self.known: dict[str, Size] = {}

    def of(self, selection_set: SelectionSetNode) -> Size:
        depth = aliases = fields = type_lists = 0
        roots: set[str] = set()
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                fields += 1
                aliases += selection.alias is not None
                roots.add(selection.name.value)
                below = self.of(selection.selection_set) if selection.selection_set else Size()
                depth = max(depth, 1 + below.depth)
                aliases += below.aliases
                type_lists = max(type_lists, below.type_lists + (selection.name.value in _TYPE_LISTS))
                continue
            if isinstance(selection, FragmentSpreadNode):
                below = self.fragment(selection.name.value)
            else:
                below = self.of(selection.selection_set)  # type: ignore[attr-defined]
            depth = max(depth, below.depth)
            aliases += below.aliases
            fields += below.fields
            type_lists = max(type_lists, below.type_lists)
            roots |= below.roots
        if fields > self.max_fields:
            raise _too("fields in one selection set", self.max_fields)
        return Size(depth, aliases, fields, type_lists, frozenset(roots))

    def fragment(self, name: str) -> Size:
        """A fragment that spreads itself, or that nobody defined, measures nothing here: validation refuses both."""
        if name not in self.known:
            self.known[name] = Size()
            if name in self.fragments:
                self.known[name] = self.of(self.fragments[name].selection_set)
        return self.known[name]


def _too(what: str, limit: int, **facts: int) -> Failure:
    return wrong_document(f"A document may have {limit} {what}.", Code.QUERY_TOO_COMPLEX, limit=limit, **facts)
