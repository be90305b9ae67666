"""What a person is called where devices ask: the $REALM_USER variables, account names on Macs."""

from __future__ import annotations

from zmdm_plugin.models import RealmUser


def device_username(person: RealmUser) -> str:
    """The short name of an account: what stands before the @, without dots."""
    return person.username.split("@", 1)[0].replace(".", "")


def email_prefix(person: RealmUser) -> str:
    """What stands before the @ of the email address; empty without one."""
    return (person.email or "").split("@", 1)[0]


def variables(person: RealmUser) -> dict[str, str | None]:
    """Name -> value, None or empty where the person has none."""
    return {
        "$REALM_USER.USERNAME": person.username,
        "$REALM_USER.DEVICE_USERNAME": device_username(person),
        "$REALM_USER.EMAIL": person.email,
        "$REALM_USER.EMAIL_PREFIX": email_prefix(person),
        "$REALM_USER.FIRST_NAME": person.first_name,
        "$REALM_USER.LAST_NAME": person.last_name,
        "$REALM_USER.FULL_NAME": person.full_name,
        "$REALM_USER.CUSTOM_ATTR_1": person.custom_attr_1,
        "$REALM_USER.CUSTOM_ATTR_2": person.custom_attr_2,
    }
