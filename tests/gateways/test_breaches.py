"""The list of common passwords: whole, sorted, and answering for what is on it."""

from importlib.resources import files

from souk.gateways.breaches import WIDTH, CommonPasswords


async def test_it_knows_the_commonest_and_nothing_else() -> None:
    common = CommonPasswords()
    known = ["123456", "password", "qwertyuiop", "iloveyou", "1q2w3e4r5t", "desmond1"]
    assert [await common.known(each) for each in known] == [True] * 6
    unknown = ["", "Password", "correct horse battery staple", "desmond1 ", "123456\n"]
    assert [await common.known(each) for each in unknown] == [False] * 5


def test_the_list_is_whole_and_in_order() -> None:
    data = files("souk.gateways").joinpath("data/common_passwords.sha256").read_bytes()
    each = [data[n : n + WIDTH] for n in range(0, len(data), WIDTH)]
    assert len(CommonPasswords()) == len(each) == 10_000
    assert each == sorted(set(each))
    assert "Django 5.2" in files("souk.gateways").joinpath("data/common_passwords.NOTICE").read_text()
