"""Events reach other programs: signed, at least once, in order for each device."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from tests.receiver import Receiver, proves, receiving
from zmdm_plugin import db
from zmdm_plugin.clients.outbound import Outbound
from zmdm_plugin.errors import Refused
from zmdm_plugin.jobs.webhooks import deliver
from zmdm_plugin.models import Device, Event, Webhook, WebhookDelivery
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import events, tags
from zmdm_plugin.services.webhooks import hooks, outbox, sending

LOCAL = [ip_network("127.0.0.0/8")]
pytestmark = pytest.mark.settings(ZMDM_PRIVATE_NETWORKS="127.0.0.0/8")


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


JOB = {"job": "dep.sync", "run": "0f0e", "title": "Fetch devices"}


def hook(app: Flask, url: str, name: str = "Desk", **wanted: list[str]) -> str:
    """Make a webhook; returns its secret."""
    with app.app_context(), db.transaction():
        return hooks.create(name, url, **wanted)[1]


def device(app: Flask, serial: str = "C02") -> int:
    with app.app_context(), db.transaction():
        row = Device(serial_number=serial, udid=f"U-{serial}")
        db.session().add(row)
        db.session().flush()
        return row.id


def happen(app: Flask, *kinds: str, device_id: int | None = None) -> None:
    with app.app_context(), db.transaction():
        for kind in kinds:
            about = JOB if kind == "job.failed" else {}
            events.record(kind, device=device_id, **about)


def work(app: Flask) -> None:
    with app.app_context():
        deliver()


def later(app: Flask, seconds: float) -> None:
    """Let time pass for everything that waits."""
    with app.app_context(), db.transaction() as _:
        past = timedelta(seconds=seconds)
        for row in db.session().scalars(sa.select(WebhookDelivery)):
            row.due_at -= past
            row.created_at -= past
        for one in db.session().scalars(sa.select(Webhook)):
            one.next_try_at = one.next_try_at and one.next_try_at - past


def left(app: Flask) -> list[tuple[int, bool]]:
    """Attempts of what is left, and whether it was given up."""
    with app.app_context():
        rows = db.session().scalars(sa.select(WebhookDelivery).order_by(WebhookDelivery.id))
        return [(row.attempts, row.dead_at is not None) for row in rows]


def test_an_event_is_told_signed_and_then_forgotten(any_app: Flask, there: Receiver) -> None:
    secret = hook(any_app, there.url)
    happen(any_app, "device.enrolled", device_id=device(any_app))
    work(any_app)
    [document] = there.told
    assert (document["version"], document["type"]) == (1, "device.enrolled")
    assert document["data_version"] == 1
    assert document["device"]["serial_number"] == "C02"
    [(headers, body)] = there.tries
    assert proves(headers, body, secret) and not proves(headers, body, "another")
    assert headers["Zmdm-Delivery"] == str(document["id"])
    assert left(any_app) == []


def test_an_event_that_is_rolled_back_is_told_to_nobody(app: Flask, there: Receiver) -> None:
    hook(app, there.url)
    with pytest.raises(Refused), app.app_context(), db.transaction():
        events.record("device.enrolled")
        raise Refused("", "no")
    work(app)
    assert there.tries == []


def test_without_a_webhook_an_event_costs_no_statement_more(app: Flask) -> None:
    happen(app, "device.enrolled")
    statements: list[str] = []
    with app.app_context(), db.transaction():
        bind = db.session().get_bind()
        sa.event.listen(bind, "before_cursor_execute", lambda *all_: statements.append(all_[2]))
        events.record("device.enrolled")
        db.session().flush()
    assert [text.split()[0] for text in statements if "zmdm_" in text] == ["INSERT"]


@pytest.mark.parametrize(
    "kinds, told",
    [
        ([], ["device.enrolled", "device.blocked", "job.failed"]),
        (["device.*"], ["device.enrolled", "device.blocked"]),
        (["job.failed", "device.blocked"], ["device.blocked", "job.failed"]),
    ],
)
def test_only_what_is_wanted_is_told(
    app: Flask, there: Receiver, kinds: list[str], told: list[str]
) -> None:
    hook(app, there.url, kinds=kinds)
    happen(app, "device.enrolled", "device.blocked", "job.failed")
    work(app)
    assert there.types() == told


def test_only_devices_with_a_tag_are_told_of(app: Flask, there: Receiver) -> None:
    tagged, other = device(app, "A"), device(app, "B")
    with app.app_context(), db.transaction():
        tag = tags.create("Loaner", color=tags.COLORS[0])
        tags.put(db.session().get_one(Device, tagged), tag)
    hook(app, there.url, tags=["Loaner"])
    happen(app, "device.enrolled", device_id=tagged)
    happen(app, "device.enrolled", device_id=other)
    happen(app, "job.failed")
    work(app)
    assert [one["device"]["serial_number"] for one in there.told] == ["A"]


def test_what_is_not_taken_comes_again_after_growing_waits(app: Flask, there: Receiver) -> None:
    hook(app, there.url)
    there.statuses = [500, 500]
    happen(app, "device.enrolled")
    for seconds in (0.0, 10.0, 20.0):
        later(app, seconds)
        work(app)
    assert len(there.tries) == 3
    assert there.types() == ["device.enrolled"]


def test_of_a_device_nothing_overtakes_what_was_not_taken(app: Flask, there: Receiver) -> None:
    one, other = device(app, "A"), device(app, "B")
    hook(app, there.url)
    there.refused = {"device.enrolled"}
    happen(app, "device.enrolled", "device.blocked", device_id=one)
    happen(app, "device.unblocked", device_id=other)
    work(app)
    assert there.types() == ["device.unblocked"]
    there.refused = set()
    later(app, 11)
    work(app)
    assert there.types() == ["device.unblocked", "device.enrolled", "device.blocked"]


def test_an_address_that_does_not_answer_is_left_alone_for_a_while(app: Flask) -> None:
    hook(app, "http://127.0.0.1:9/")
    happen(app, "device.enrolled", device_id=device(app, "A"))
    happen(app, "device.enrolled", device_id=device(app, "B"))
    work(app)
    assert left(app) == [(1, False), (0, False)]
    with app.app_context():
        row = db.session().scalars(sa.select(Webhook)).one()
        assert row.next_try_at is not None and "no answer" in (row.last_error or "")
        assert not outbox.is_due(now=utcnow())


@pytest.mark.settings(ZMDM_PRIVATE_NETWORKS="")
def test_an_address_inside_is_not_connected_to(app: Flask, there: Receiver) -> None:
    hook(app, there.url)
    happen(app, "device.enrolled")
    work(app)
    assert there.tries == []
    assert left(app) == [(1, False)]


def test_what_nobody_takes_for_days_is_given_up_and_can_be_tried_again(
    app: Flask, there: Receiver
) -> None:
    hook(app, there.url)
    there.refused = {"device.enrolled"}
    happen(app, "device.enrolled", "device.blocked")
    later(app, 4 * 86400)
    work(app)
    assert (left(app), there.types()) == ([(1, True)], ["device.blocked"])
    there.refused = set()
    with app.app_context(), db.transaction():
        assert outbox.retry_dead(db.session().scalars(sa.select(Webhook)).one()) == 1
    work(app)
    assert there.types() == ["device.blocked", "device.enrolled"]


def test_what_happened_in_a_while_is_told_again(app: Flask, there: Receiver) -> None:
    happen(app, "device.enrolled", "job.failed")
    hook(app, there.url, kinds=["device.*"])
    now = utcnow()
    with app.app_context(), db.transaction():
        row = db.session().scalars(sa.select(Webhook)).one()
        number = outbox.replay(row, since=now - timedelta(hours=1), until=now)
    work(app)
    assert (number, there.types()) == (1, ["device.enrolled"])


def test_one_that_is_off_keeps_nothing_for_later(app: Flask, there: Receiver) -> None:
    hook(app, there.url)
    with app.app_context(), db.transaction():
        hooks.change(db.session().scalars(sa.select(Webhook)).one(), {"enabled": False})
    happen(app, "device.enrolled")
    work(app)
    assert (there.tries, left(app)) == ([], [])


def test_a_deleted_one_takes_what_waits_with_it(app: Flask, there: Receiver) -> None:
    hook(app, there.url)
    happen(app, "device.enrolled")
    with app.app_context(), db.transaction():
        assert hooks.delete(db.session().scalars(sa.select(Webhook)).one()) == 1
    work(app)
    assert (there.tries, left(app)) == ([], [])


def test_a_forgotten_event_is_not_told(any_app: Flask, there: Receiver) -> None:
    hook(any_app, there.url)
    happen(any_app, "device.enrolled")
    with any_app.app_context(), db.transaction():
        db.session().execute(sa.delete(Event))
    assert left(any_app) == []


@pytest.mark.parametrize(
    "change, field",
    [
        ({"name": " "}, "name"),
        ({"name": "Desk"}, "name"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "https://user:pw@example.com/"}, "url"),
        ({"url": "https://example.com:x/"}, "url"),
        ({"kinds": ["device enrolled"]}, "kinds"),
        ({"kinds": ["x" * 65]}, "kinds"),
        ({"tags": ["Nobody has this"]}, "tags"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(
    app: Flask, change: dict[str, object], field: str
) -> None:
    hook(app, "https://example.com/")
    asked = {"name": "Other", "url": "https://example.com/", **change}
    with pytest.raises(Refused) as refused, app.app_context(), db.transaction():
        hooks.create(**asked)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_a_killed_workers_batch_is_told_once_its_lease_is_over(
    pg_app: Flask, there: Receiver
) -> None:
    hook(pg_app, there.url)
    happen(pg_app, "device.enrolled")
    with pg_app.app_context():
        with db.transaction():
            assert outbox.claim(now=utcnow()) is not None
        with db.transaction():
            assert outbox.claim(now=utcnow()) is None
        with db.transaction():
            assert outbox.claim(now=utcnow() + outbox.LEASE + timedelta(seconds=1)) is not None


def test_who_answers_slowly_is_told_in_small_batches_that_are_kept(
    any_app: Flask, there: Receiver
) -> None:
    """A batch that took longer than a job may was never kept: it was told again for ever."""
    hook(any_app, there.url)
    for number in range(3):
        happen(any_app, "device.enrolled", device_id=device(any_app, f"C{number}"))
    there.takes = 0.2
    with any_app.app_context(), httpx.Client(transport=Outbound(private=LOCAL)) as http:
        with db.transaction():
            batch = outbox.claim(now=utcnow())
        assert batch is not None
        told = list(sending.send(batch, http, go_on=lambda: len(there.told) < 2))
        with db.transaction():
            outbox.store(batch, told, now=utcnow())
    assert (len(batch.letters), len(there.told)) == (3, 2)
    assert left(any_app) == [(0, False)]
    work(any_app)  # what was given back need not wait for the lease
    assert len({one["id"] for one in there.told}) == len(there.told) == 3


def test_webhooks_take_turns_however_much_waits_for_one(any_app: Flask, there: Receiver) -> None:
    hook(any_app, there.url, "Busy", kinds=["device.enrolled"])
    happen(any_app, *["device.enrolled"] * 5)
    hook(any_app, there.url, "Quick", kinds=["device.blocked"])
    happen(any_app, "device.blocked")
    with any_app.app_context():
        deliver(batch=0.0)
    assert there.types().index("device.blocked") <= 1


def test_what_is_not_taken_holds_back_its_device_within_a_batch(
    any_app: Flask, there: Receiver
) -> None:
    one, other = device(any_app, "A"), device(any_app, "B")
    hook(any_app, there.url)
    there.statuses = [400]
    happen(any_app, "device.enrolled", "device.blocked", "device.unblocked", device_id=one)
    happen(any_app, "device.archived", device_id=other)
    work(any_app)
    assert there.types() == ["device.archived"]
    assert left(any_app) == [(1, False), (0, False), (0, False)]


def test_what_is_claimed_holds_back_what_comes_later_of_its_device(any_app: Flask) -> None:
    one, other = device(any_app, "A"), device(any_app, "B")
    hook(any_app, "http://127.0.0.1:9/")
    happen(any_app, "device.enrolled", device_id=one)
    with any_app.app_context(), db.transaction():
        assert outbox.claim(now=utcnow()) is not None
    happen(any_app, "device.blocked", device_id=one)
    happen(any_app, "device.enrolled", device_id=other)
    with any_app.app_context(), db.transaction():
        batch = outbox.claim(now=utcnow())
        assert batch is not None
        assert [letter.stream for letter in batch.letters] == [other]


def test_what_nobody_takes_of_one_thing_holds_back_nothing_of_another(
    app: Flask, there: Receiver
) -> None:
    hook(app, there.url)
    there.refused = {"job.failed"}
    happen(app, "job.failed", "device.enrolled")
    work(app)
    assert there.types() == ["device.enrolled"]


def test_a_batch_takes_one_connection(app: Flask, there: Receiver) -> None:
    hook(app, there.url)
    happen(app, *["device.enrolled"] * 5)
    work(app)
    assert (len(there.told), there.connections) == (5, 1)
