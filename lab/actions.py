"""The one table of what can be done in the app: keys, footer, help and palette are read from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textual.binding import Binding

from .commands import COMMANDS

HELP = {command.name: command.help for command in COMMANDS}


@dataclass(frozen=True, slots=True)
class Action:
    """`id` names the method `action_ID`; `where` the screens that have it ("" is every screen)."""

    id: str
    key: str
    label: str
    help: str
    where: tuple[str, ...] = ("",)
    footer: bool = True


HOME, BENCH, SUBMIT, HISTORY, STACK = "home", "workbench", "submit", "history", "stack"

ACTIONS = (
    Action("help", "f1", "Help", "what can be done here, and with which key"),
    Action("open_stage", "enter", "Open", "open the stage that is marked", (HOME,)),
    Action("stack", "f3", "Stack", HELP["stack"], (HOME,)),
    Action("switch", "enter", "Switch", "let the next in turn fill the slot: your files, then the course", (STACK,)),
    Action("switch_file", "w", "Whole file", "let your file fill every slot that it can, or none", (STACK,)),
    Action("auto", "a", "Auto", "let the slot run your code if it passed when it was submitted", (STACK,)),
    Action("train", "f5", "Train", "train the chosen model on what is plugged in", (STACK,)),
    Action("model('mlp')", "1", "MLP", "choose the MLP on digits", (STACK,), footer=False),
    Action("model('lenet')", "2", "LeNet", "choose LeNet on digits", (STACK,), footer=False),
    Action("model('lstm')", "3", "LSTM", "choose the LSTM over letters", (STACK,), footer=False),
    Action("model('gpt')", "4", "GPT", "choose the GPT over letters", (STACK,), footer=False),
    Action("check", "f5", "Check", HELP["check"].split(";")[0], (BENCH,)),
    Action("watch", "f6", "Watch", "run the checks at every save, or stop doing so", (BENCH,)),
    Action("edit", "f7", "Edit", "open your file in $EDITOR", (BENCH, STACK)),
    Action("submit", "f8", "Submit", HELP["submit"], (BENCH,)),
    Action("confirm_submit", "enter", "Submit", "grade the file now", (SUBMIT,)),
    Action("hint", "h", "Hint", HELP["hint"], (BENCH,)),
    Action("next_stage", "n", "Next", "go on to the next stage (when this one passes)", (BENCH,)),
    Action("tab('lesson')", "1", "Lesson", "read the lesson", (BENCH,), footer=False),
    Action("tab('code')", "2", "Code", "see your file", (BENCH,), footer=False),
    Action("tab('checks')", "3", "Checks", "see the checks", (BENCH,), footer=False),
    Action("tab('predict')", "4", "Predict", "predict, then measure", (BENCH,), footer=False),
    Action("tab('explore')", "5", "Explore", HELP["explore"], (BENCH,), footer=False),
    Action("knob('up')", "up", "Up", "mark the knob above (on Explore)", (BENCH,), footer=False),
    Action("knob('down')", "down", "Down", "mark the knob below (on Explore)", (BENCH,), footer=False),
    Action("knob('less')", "left", "Less", "turn the marked knob down (on Explore)", (BENCH,), footer=False),
    Action("knob('more')", "right", "More", "turn the marked knob up (on Explore)", (BENCH,), footer=False),
    Action("language", "l", "Language", "the lesson in the other language", (BENCH,), footer=False),
    Action("previous_failure", "left_square_bracket", "Prev", "the failing check before this one", (BENCH,), footer=False),
    Action("next_failure", "right_square_bracket", "Next failure", "the next failing check", (BENCH,), footer=False),
    Action("history", "f9", "History", HELP["history"], (HOME, BENCH)),
    Action("compare", "d", "Diff", HELP["diff"], (HISTORY,)),
    Action("restore", "r", "Restore", HELP["restore"], (HISTORY,)),
    Action("reset", "x", "Reset", HELP["reset"], (BENCH,), footer=False),
    Action("doctor", "f10", "Doctor", HELP["doctor"], (HOME,)),
    Action("filter", "slash", "Filter", "show only the checks whose title holds a word", (BENCH,), footer=False),
    Action("back", "escape", "Back", "cancel what runs, else go back"),
    Action("quit", "ctrl+q", "Quit", "leave the app", footer=False),
)  # fmt: skip


def binding_id(action: Action) -> str:
    """The name under which lab.toml's [keys] can give an action another key."""
    return action.id.replace("('", ".").replace("')", "")


def bindings(screen: str) -> list[Binding | tuple[str, str] | tuple[str, str, str]]:
    """The key bindings of a screen ("" for those of every screen)."""
    return [
        Binding(action.key, action.id, action.label, show=action.footer, id=binding_id(action))
        for action in ACTIONS
        if screen in action.where
    ]


def available(screen: str) -> Iterator[Action]:
    """What can be done on a screen, its own actions first."""
    yield from (action for action in ACTIONS if screen and screen in action.where)
    yield from (action for action in ACTIONS if "" in action.where)
