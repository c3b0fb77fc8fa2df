"""What a sales rep may see: their own, and nobody else's. The one place that says so.

Whose a row is, is said by `whose`, by each app that knows: an order's rep here, LeafLink's there.
Admin pages narrow their rows by `OwnRows`; views of one record are wrapped in `if_own`.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from unfold.contrib.filters.admin import AutocompleteSelectFilter

SALES_REP = "Sales rep"
# Somebody who also has one of these sees what the role sees.
WIDER = ("Administrator", "Manager", "Back office", "Read only")

M = TypeVar("M", bound=Model)
Rule = Callable[[int], Q]
_RULES: dict[type[Model], list[Rule]] = {}


def whose(model: type[Model]) -> Callable[[Rule], Rule]:
    """Declare a rule: given a rep's id, which rows of `model` are theirs. Several rules add up."""

    def declare(rule: Rule) -> Rule:
        _RULES.setdefault(model, []).append(rule)
        return rule

    return declare


def sees_only_own(user: Any) -> bool:
    """Whether the user is a sales rep and nothing more. Asked once for each request's user."""
    if user.is_superuser or not user.is_authenticated:
        return False
    if not hasattr(user, "_sees_only_own"):
        names = set(user.groups.filter(name__in=(SALES_REP, *WIDER)).values_list("name", flat=True))
        user._sees_only_own = names == {SALES_REP}
    return bool(user._sees_only_own)


def own(rows: QuerySet[M], user: Any) -> QuerySet[M]:
    """Those of `rows` that the user may see: all, but of a sales rep's only the rep's own.

    Raises KeyError for a model of which nobody has said whose its rows are.
    """
    rules = _RULES[rows.model]
    if not sees_only_own(user):
        return rows
    rep = getattr(user, "sales_rep", None)
    if rep is None:
        return rows.none()
    mine = Q()
    for rule in rules:
        mine |= rule(rep.pk)
    # As a subquery: joins of the rules must not repeat rows, or change what others count.
    return rows.filter(pk__in=rows.model._base_manager.filter(mine).order_by().values("pk"))


def if_own(model: type[Model], view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view whose first argument is an id of `model`: 404 where that is another rep's."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        pk = args[0] if args else next(iter(kwargs.values()))
        rows = model._base_manager.filter(pk=pk)
        if sees_only_own(request.user) and not own(rows, request.user).exists():
            raise Http404(f"No {model._meta.verbose_name} of yours has this number.")
        return view(request, *args, **kwargs)

    return checked


class OwnRows:
    """For admins (before ModelAdmin): lists, pages, searches, actions and exports of own rows."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return own(super().get_queryset(request), request.user)  # type: ignore[misc]

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Without the filters that would search what a sales rep may not see."""
        filters = super().get_list_filter(request)  # type: ignore[misc]
        if not sees_only_own(request.user):
            return filters
        return [
            one
            for one in filters
            if not (isinstance(one, tuple) and one[1] is AutocompleteSelectFilter)
        ]
