"""Code and the agreed table are one."""

from pathlib import Path

from souk.permissions.base import KNOWN, AnyOf, Permission, may
from souk.permissions.roles import MATRIX
from souk.rules.actor import Facts, Role

GOLDEN = Path(__file__).parent / "matrix.golden.md"


def golden_rows() -> dict[str, tuple[str, list[str]]]:
    rows = {}
    for line in GOLDEN.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 12 and ":" in cells[0] and not cells[0].startswith("-"):
            rows[cells[0]] = (cells[1], [cell.replace("–", "-") for cell in cells[2:]])
    return rows


def test_the_code_holds_the_agreed_matrix_and_nothing_else() -> None:
    golden = golden_rows()
    assert len(golden) == 134
    assert {n: (row.covers, [str(c) for c in row.cells.values()]) for n, row in MATRIX.items()} == golden


def test_every_permission_names_a_row_and_forgets_closed() -> None:
    class Forgetful(Permission[object]):
        name = "deal:read"

    try:
        customer = Facts(Role.CUSTOMER)
        assert Forgetful().admits(customer)
        assert str(Forgetful().rows(type("V", (), {"facts": customer})())) == "false"
    finally:
        KNOWN["deal:read"].remove(Forgetful)


def test_a_service_token_may_what_its_scopes_name_and_no_more() -> None:
    scoped = Facts(Role.SERVICE, frozenset({"sku:write"}))
    assert may("sku:write").admits(scoped)
    assert not may("sku:read").admits(scoped)
    assert not may("dealer:terminate").admits(Facts(Role.SERVICE, frozenset({"dealer:terminate"})))


def test_either_of_several_permissions_is_enough() -> None:
    both = may("listing:write") | may("listing:moderate")
    assert isinstance(both, AnyOf)
    assert [role for role in Role if both.admits(Facts(role))] == [Role.OWNER, Role.ADMIN, Role.OPS, Role.DEALER]
