"""The host's own tables: its users, and who tried to sign in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_login import UserMixin
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, String, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from zmdm_plugin import policy

MOST_FAILURES = 10
FAILURES_COUNT_FOR = timedelta(minutes=15)


class Base(DeclarativeBase):
    """The host's metadata; the plugin's tables live on one of their own."""


db = SQLAlchemy(model_class=Base)
hasher = PasswordHasher()


def now() -> datetime:
    """The time, aware; SQLite keeps it without its zone, which is always UTC here."""
    return datetime.now(UTC)


class User(UserMixin, Base):
    """Somebody who may sign in; the role decides what they may do."""

    __tablename__ = "host_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20), default=policy.AUDITOR.name)

    def set_password(self, password: str) -> None:
        """Keep its argon2 hash only."""
        self.password_hash = hasher.hash(password)

    def may(self, permission: str) -> bool:
        """Whether the role grants a permission of the plugin, e.g. mdm.view_enrolleddevice."""
        return policy.allows(self.role, permission)


class SignIn(Base):
    """An attempt to sign in, counted against guessing."""

    __tablename__ = "host_sign_in"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), index=True)
    address: Mapped[str] = mapped_column(String(64))
    succeeded: Mapped[bool]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=now)


def find_user(email: str) -> User | None:
    """Look a user up by address, whatever its case."""
    return db.session.scalar(select(User).where(User.email == email.strip().lower()))


def too_many_failures(email: str, address: str) -> bool:
    """Whether this address has guessed this user's password too often of late."""
    failed = select(func.count()).where(
        SignIn.email == email,
        SignIn.address == address,
        SignIn.succeeded.is_(False),
        SignIn.at > now() - FAILURES_COUNT_FOR,
    )
    return (db.session.scalar(failed) or 0) >= MOST_FAILURES


def check_password(user: User | None, password: str) -> bool:
    """Verify; an unknown user takes as long as a known one, which tells a guesser nothing."""
    try:
        return hasher.verify(user.password_hash if user else _nobodys_hash(), password) and bool(
            user
        )
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    return hasher.hash("nobody's password")
