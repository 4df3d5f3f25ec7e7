"""A survey of a long file examines its beginning and counts the rest."""

import io

import pytest

from souk.rules.importing import load, walking


@pytest.mark.parametrize("examined", [2, 5, 9])
def test_a_file_longer_than_what_is_examined_is_counted_whole(examined: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "EXAMINED", examined)
    header = "model_name,model_year,kms_driven,owner,location,mileage,power,price\n"
    rows = "".join(f"Bike {n},2015,17000 Km,first owner,Pune,40 kmpl,20 bhp,{1000 + n}\n" for n in range(5))
    found = walking.survey(io.BytesIO((header + rows).encode()), load("used_bikes"), this_year=2026)
    assert (found.rows, found.examined, found.refused) == (5, min(examined, 5), 0)
