"""An operator opens a child's account and its mandate with forms alone, and ends it."""

from urllib.parse import parse_qs, urlsplit

from tests.city import City
from tests.identity.test_acting import browser_of
from tests.identity.test_mandates import LIN

WHY = "household register seen"


async def test_from_the_account_to_the_mandate_and_to_its_end(city: City) -> None:
    wang = await city.person("+8613800000009", "王珊", roles=("operator",))
    lin = await city.person(LIN, "林依婷")
    async with browser_of(wang) as desk:
        form = {"act": "dependant", "name": "林小明", "birth_date": "2020-02-29", "reason": WHY}
        there = (await desk.post("/console/mandates", data=form)).headers["location"]
        account = parse_qs(urlsplit(there).query)["account"][0]
        shown = await desk.get(there)
        assert f'value="{account}"' in shown.text
        form = {"act": "mandate", "principal_id": account, "kind": "parent", "phone": LIN, "reason": WHY}
        there = (await desk.post("/console/mandates", data=form)).headers["location"]
        (offered,) = (await lin.get("/v1/mandates")).json()["items"]
        assert (await lin.post(f"/v1/mandates/{offered['id']}/accept", json={})).json()["state"] == "active"
        listed = (await desk.get(there)).text
        assert "138****0001" in listed
        assert "林依婷" not in listed, "an operator sees the ends of the number, no name"
        form = {"act": "end", "principal_id": account, "mandate_id": offered["id"], "reason": "a court's decision"}
        assert (await desk.post("/console/mandates", data=form)).status_code == 303
    assert (await lin.get(f"/v1/mandates/{offered['id']}")).json()["ended_by"] == "operator"
    looks = await city.rows("SELECT 1 FROM core_audit_entry WHERE action = 'mandate.looked_up'")
    assert len(looks) == 2


async def test_what_cannot_be_done_is_told_on_the_page_and_nothing_is_kept(city: City) -> None:
    wang = await city.person("+8613800000009", "王珊", roles=("operator",))
    lin = await city.person(LIN)
    async with browser_of(wang) as desk, browser_of(lin) as hers:
        for form, status in (
            ({"act": "company", "name": "甲公司", "credit_code": "1", "reason": WHY}, 400),
            ({"act": "dependant", "name": "林小明", "birth_date": "x", "reason": WHY}, 400),
            ({"act": "mandate", "principal_id": "x", "kind": "parent", "phone": LIN, "reason": WHY}, 400),
            ({"act": "mandate", "principal_id": lin.id, "kind": "ward", "phone": LIN, "reason": WHY}, 404),
            ({"act": "end", "mandate_id": "x", "reason": WHY}, 404),
            ({}, 400),
        ):
            answer = await desk.post("/console/mandates", data=form or {"act": ""})
            assert answer.status_code == status, form
            assert 'role="alert"' in answer.text
        assert (await desk.get(f"/console/mandates?account={lin.id}")).status_code == 404
        assert (await hers.get("/console/mandates")).status_code == 403
        assert (await hers.post("/console/mandates", data={"act": "end"})).status_code == 403
    assert await city.rows("SELECT 1 FROM core_mandate") == []
