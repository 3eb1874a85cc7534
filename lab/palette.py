"""The command palette: every action of the screen beneath it, with its key."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from .actions import Action, available


class ActionProvider(Provider):
    """Finds actions of the table by their label and help."""

    def _actions(self) -> list[Action]:
        return list(available(getattr(self.screen, "NAME", "")))

    async def discover(self) -> Hits:
        for action in self._actions():
            yield DiscoveryHit(_title(action), partial(self._do, action), help=action.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in self._actions():
            score = matcher.match(f"{action.label} {action.help}")
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(_title(action)),
                    partial(self._do, action),
                    help=action.help,
                )

    async def _do(self, action: Action) -> None:
        await self.screen.run_action(
            action.id if hasattr(self.screen, _method(action)) else f"app.{action.id}"
        )


def _method(action: Action) -> str:
    return f"action_{action.id.partition('(')[0]}"


def _title(action: Action) -> str:
    return f"{action.label} ({shown_key(action.key)})"


def shown_key(key: str) -> str:
    """A key as people write it."""
    names = {"left_square_bracket": "[", "right_square_bracket": "]", "slash": "/", "escape": "esc"}
    return names.get(key, key.upper() if key.startswith("f") and key[1:].isdigit() else key)
