"""Hooks as a service: put together from the configuration, and given time to finish at the end."""

from __future__ import annotations

from importlib import import_module

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from ftpstwist.config.complaint import ConfigurationError
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_hooks import HookSettings
from ftpstwist.observe.hookprogram import IHookReactor, ProgramAction
from ftpstwist.observe.hooks import Action, Hook, Hooks, function_action

_LAST_SECONDS = 10.0
"""What running hooks have left when the server stops."""


class HookService(Service):
    """Waits for hooks at the end.

    Args:
        hooks: What runs them.
    """

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

    def stopService(self) -> Deferred[None]:  # noqa: N802 - Twisted's interface
        """Let them finish, for a while."""
        super().stopService()
        return Deferred.fromCoroutine(self._hooks.finish(_LAST_SECONDS))


def build_hooks(settings: Settings, reactor: IHookReactor) -> Hooks:
    """Put the hooks of the configuration together.

    Raises:
        ConfigurationError: A function can not be found.
    """
    hooks = [_hook(settings, position, each, reactor) for position, each in enumerate(settings.hooks)]
    limits = settings.limits
    return Hooks(hooks, clock=reactor, at_once=limits.hooks_at_once, waiting=limits.hooks_waiting)


def _hook(settings: Settings, position: int, each: HookSettings, reactor: IHookReactor) -> Hook:
    return Hook(
        name=each.function or each.command[0],
        occasions=each.events,
        users=frozenset(each.users),
        paths=each.paths,
        seconds=each.timeout,
        action=_function(settings, position, each.function)
        if each.function
        else ProgramAction(each.command, reactor=reactor),
    )


def _function(settings: Settings, position: int, function: str) -> Action:
    module, _, name = function.partition(":")
    try:
        return function_action(getattr(import_module(module), name))
    except (ImportError, AttributeError) as error:
        complaint = settings.origin.complain(
            f"hooks[{position}].function", f"it can not be had: {error}", "Install its package where the server runs"
        )
        raise ConfigurationError([complaint]) from None
