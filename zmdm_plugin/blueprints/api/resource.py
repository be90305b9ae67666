"""What every resource of the API shares: tokens, error answers, arguments, documentation."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

from flask_smorest import Api, Blueprint

from zmdm_plugin.blueprints.api.bodies import describe_key, describe_upload
from zmdm_plugin.blueprints.api.parsing import Parser, refuse_stray_arguments
from zmdm_plugin.blueprints.api.routing import answer_options
from zmdm_plugin.web import origin
from zmdm_plugin.web.actor import authenticate_token
from zmdm_plugin.web.errors import ErrorSchema, handle_with_json
from zmdm_plugin.web.idempotency import once_per_key

PREFIX = "/api/mdm"
ID = "zmdm_id"
REST = "zmdm_rest"
"""The converters of ids and of all else in paths; see routing.py."""
View = TypeVar("View", bound=Callable[..., Any])

_ERRORS = {
    400: "The request cannot be read.",
    401: "No token, or one that is unknown, expired or revoked.",
    403: "The token or its owner lacks the permission.",
    404: "There is no such thing, or the actor may not know of it.",
    409: "The order contradicts the present state.",
    413: "The body is too long.",
    415: "The body is of another type.",
    422: "Arguments are at fault; `errors` names them.",
    429: "Too many refused tokens from this address; a good one is always let in.",
    503: "The server's database does not answer; try again.",
}
_ALWAYS = (401, 403, 422, 429, 503)


class MdmApi(Api):
    """flask-smorest's Api as a guest: the host's error pages and commands stay the host's."""

    ERROR_SCHEMA = ErrorSchema
    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, *args: Any, **options: Any) -> None:
        self._undescribed: list[Resource] = []
        self._describing = Lock()
        self._described: dict[str, Any] | None = None
        super().__init__(*args, **options)

    def described(self, finish: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        """The finished document, made when it is first asked for.

        Making it takes longer than all the rest of a start, and most processes (workers, commands)
        are never asked.
        """
        with self._describing:
            if self._described is None:
                super()._register_responses()
                for resource in self._undescribed:
                    self._describe(resource)
                self._described = finish(self.spec.to_dict())
            return self._described

    def _register_responses(self) -> None:
        """Not yet: with the rest of the description."""

    def _register_error_handlers(self) -> None:
        """None on the application: handlers hang on our blueprints."""

    def _register_pagination_header(self) -> None:
        """None: our pages have no numbers."""

    def register_blueprint(self, resource: Resource, **options: Any) -> None:
        """smorest's, with a tag that people read instead of the blueprint's name."""
        name, app = resource.name, self._app
        app.extensions["flask-smorest"]["blp_name_to_api"][name] = self
        app.register_blueprint(resource, **options)
        self._undescribed.append(resource)

    def _describe(self, resource: Resource) -> None:
        resource.register_views_in_doc(
            self, self._app, self.spec, name=resource.name, parameters=None
        )
        self.spec.tag({"name": resource.title, "description": resource.description})

    def _init_spec(self, **options: Any) -> None:
        """The spec without smorest's `flask openapi`, which may be a command of the host's."""
        before = dict(self._app.cli.commands)
        super()._init_spec(**options)
        self._app.cli.commands.clear()
        self._app.cli.commands.update(before)


class Resource(Blueprint):
    """A blueprint of the API: tokens only, JSON errors, no argument passed over."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str, *, path: str, description: str, prefix: str = PREFIX) -> None:
        super().__init__(
            f"zmdm_api_{name}", __name__, url_prefix=prefix + path, description=description
        )
        self._prepare_doc_cbks += [describe_key, describe_upload]
        self.title = (
            name.replace("_", " ").capitalize().replace("Scep", "SCEP").replace("Dep ", "DEP ")
        )
        origin.watch(self)
        self.before_request(authenticate_token)
        self.before_request(answer_options)
        self.before_request(refuse_stray_arguments)
        handle_with_json(self)

    def add_url_rule(
        self, rule: str, endpoint: str | None = None, view_func: Any = None, **options: Any
    ) -> None:
        """smorest's, with this resource's tag; what a POST does, it does once per key.

        A path is served without its last slash too: to an answer that only says where to go,
        programs send no body, or no token.
        """
        options.setdefault("strict_slashes", False)
        options["tags"] = options.get("tags") or [self.title]
        if "POST" in options.get("methods", ()):
            view_func = once_per_key(view_func)
        super().add_url_rule(rule, endpoint, view_func, **options)

    def operation(self, permission: str, *errors: int) -> Callable[[View], View]:
        """Document the permission, the id and every error status of a view."""

        def document(view: View) -> View:
            responses = {
                code: {
                    "description": _ERRORS[code],
                    "content": {"application/json": {"schema": ErrorSchema}},
                }
                for code in sorted({*_ALWAYS, *errors})
            }
            about = {
                "operationId": view.__name__,
                "responses": responses,
                "x-permission": permission,
            }
            documented: View = self.doc(**about)(view)
            return documented

        return document
