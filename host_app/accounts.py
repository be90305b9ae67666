"""Signing in and out, the landing page, and what the plugin asks this host about its users."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import click
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user, logout_user
from sqlalchemy import select

from host_app.models import SignIn, User, check_password, db, find_user, too_many_failures
from zmdm_plugin import Actor, policy

site = Blueprint("site", __name__, cli_group="users")
login_manager = LoginManager()
login_manager.login_view = "site.login"
login_manager.login_message = "Please sign in."


@login_manager.user_loader
def load_user(user_id: str) -> User | None:
    """Called by Flask-Login with the id in the session."""
    return db.session.get(User, int(user_id)) if user_id.isdecimal() else None


def current_actor() -> Actor | None:
    """Tell the plugin who acts in this request."""
    if not current_user.is_authenticated:
        return None
    return Actor(id=f"user:{current_user.id}", label=current_user.email, kind="user")


def authorize(actor: Actor, permission: str, subject: Any) -> bool:
    """Tell the plugin what a user's role allows; also called by jobs, hence no request here."""
    kind, _, key = actor.id.partition(":")
    user = db.session.get(User, int(key)) if kind == "user" and key.isdecimal() else None
    return user is not None and user.may(permission)


@site.get("/")
def home() -> ResponseReturnValue:
    """The landing page; whoever is signed in sees where to go."""
    return render_template("home.html")


@site.get("/healthz")
def healthz() -> ResponseReturnValue:
    """For a load balancer: the process answers and its database does too."""
    db.session.execute(select(1))
    return "ok\n"


@site.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """Show the form, or check what was typed into it."""
    if request.method == "GET":
        return render_template("login.html", email="")
    email = request.form.get("email", "").strip().lower()[:254]
    address = request.remote_addr or ""
    if too_many_failures(email, address):
        flash("Too many attempts. Please wait a quarter of an hour.")
        return render_template("login.html", email=email), 429
    user = find_user(email)
    succeeded = check_password(user, request.form.get("password", ""))
    db.session.add(SignIn(email=email, address=address, succeeded=succeeded))
    db.session.commit()
    if not succeeded:
        flash("That e-mail address and password do not go together.")
        return render_template("login.html", email=email), 401
    login_user(user)
    return redirect(_inside(request.args.get("next", "")))


@site.post("/logout")
def logout() -> ResponseReturnValue:
    """A POST, so that no foreign page can sign anybody out."""
    logout_user()
    return redirect(url_for("site.home"))


def _inside(target: str) -> str:
    """Only a path of ours: a link to the login page must not lead elsewhere afterwards."""
    parts = urlsplit(target.replace("\\", "/"))
    inside = target.startswith("/") and not (parts.scheme or parts.netloc)
    return target if inside else url_for("site.home")


@site.cli.command("set")
@click.argument("email")
@click.option("--role", type=click.Choice(list(policy.ROLES)), default="auditor", show_default=True)
@click.password_option(envvar="HOST_APP_PASSWORD")
def set_user(email: str, role: str, password: str) -> None:
    """Make a user, or change its role and password."""
    user = find_user(email) or User(email=email.strip().lower())
    user.role = role
    user.set_password(password)
    db.session.add(user)
    db.session.commit()
    click.echo(f"{user.email} is {role}")
